//! Who looks at which request now: what consoles tell of themselves, in memory, for half a minute at a time.
//!
//! It is a courtesy among reviewers, not a record: nothing is stored, nothing rests on it. Each login key looks at
//! one request at most, so the directory bounds it; what changed is told once a second, however often keys move.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use countersign_protocol::digest::KeyId;
use countersign_protocol::identity::{PersonId, RequestId};
use countersign_protocol::talk::Looking;
use tokio::sync::broadcast;

/// How long a console is believed to look without saying so again.
const KEPT: Duration = Duration::from_secs(30);
/// How often what changed is told.
pub const TOLD_EVERY: Duration = Duration::from_secs(1);
/// News that a slow listener may be behind before it has to begin anew.
const BEHIND: usize = 256;

type Lookers = BTreeMap<RequestId, BTreeSet<PersonId>>;

/// Who looks at which request.
#[derive(Debug)]
pub struct Presence {
    now: Mutex<Now>,
    news: broadcast::Sender<Looking>,
}

#[derive(Debug, Default)]
struct Now {
    lookers: BTreeMap<KeyId, Looker>,
    told: Lookers,
}

#[derive(Debug)]
struct Looker {
    person: PersonId,
    request: RequestId,
    until: Instant,
}

impl Default for Presence {
    fn default() -> Self {
        Self {
            now: Mutex::default(),
            news: broadcast::Sender::new(BEHIND),
        }
    }
}

impl Presence {
    /// A console of `person` has `request` on its screen, and nothing else.
    pub fn look(&self, key: KeyId, person: PersonId, request: RequestId) {
        let until = Instant::now() + KEPT;
        let looker = Looker {
            person,
            request,
            until,
        };
        self.now().lookers.insert(key, looker);
    }

    /// A console left `request`.
    pub fn leave(&self, key: &KeyId, request: RequestId) {
        let mut now = self.now();
        if now
            .lookers
            .get(key)
            .is_some_and(|looker| looker.request == request)
        {
            now.lookers.remove(key);
        }
    }

    /// Who looks at a request, as it was told last.
    #[must_use]
    pub fn on(&self, request: &RequestId) -> Vec<PersonId> {
        let now = self.now();
        now.told.get(request).into_iter().flatten().cloned().collect()
    }

    /// Everybody who looks, and what changes from then on.
    pub fn follow(&self) -> (Vec<Looking>, broadcast::Receiver<Looking>) {
        let now = self.now();
        let all = now.told.iter().map(|(request, people)| looking(*request, people));
        (all.collect(), self.news.subscribe())
    }

    /// Forgets who did not say so again, and tells what changed.
    pub fn tell(&self) {
        self.tell_at(Instant::now());
    }

    fn tell_at(&self, at: Instant) {
        let mut now = self.now();
        now.lookers.retain(|_, looker| at < looker.until);
        let mut lookers = Lookers::new();
        for looker in now.lookers.values() {
            let people = lookers.entry(looker.request).or_default();
            people.insert(looker.person.clone());
        }
        let nobody = BTreeSet::new();
        let left = now.told.keys().filter(|request| !lookers.contains_key(request));
        let left = left.map(|request| looking(*request, &nobody));
        let moved = lookers
            .iter()
            .filter(|(request, people)| now.told.get(request) != Some(*people));
        let moved = moved.map(|(request, people)| looking(*request, people));
        for news in left.chain(moved) {
            // Nobody listens where there is no receiver.
            let _ = self.news.send(news);
        }
        now.told = lookers;
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        // Changed by whole values only; a panic elsewhere leaves it good.
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn looking(request: RequestId, people: &BTreeSet<PersonId>) -> Looking {
    Looking {
        request,
        people: people.iter().cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

    fn key(name: &[u8]) -> KeyId {
        KeyId::new(Sha256Digest::of(name))
    }

    fn request(name: &[u8]) -> RequestId {
        RequestId::of(&ProposalDigest::new(Sha256Digest::of(name)))
    }

    #[test]
    fn a_key_looks_at_one_request_and_changes_are_told_once() {
        let presence = Presence::default();
        let (all, mut news) = presence.follow();
        assert!(all.is_empty());
        let (one, two, maria) = (request(b"1"), request(b"2"), "maria".parse::<PersonId>().unwrap());
        presence.look(key(b"k"), maria.clone(), one);
        presence.look(key(b"k"), maria.clone(), two);
        assert!(news.try_recv().is_err(), "told once a second, not at once");
        presence.tell();
        presence.tell();
        assert_eq!(
            news.try_recv().unwrap(),
            looking(two, &BTreeSet::from([maria.clone()]))
        );
        assert!(news.try_recv().is_err());
        assert_eq!((presence.on(&one), presence.on(&two)), (vec![], vec![maria]));
    }

    #[test]
    fn who_leaves_or_falls_silent_is_forgotten() {
        let presence = Presence::default();
        let (one, maria) = (request(b"1"), "maria".parse::<PersonId>().unwrap());
        presence.look(key(b"k"), maria.clone(), one);
        presence.tell();
        presence.leave(&key(b"k"), request(b"2"));
        presence.leave(&key(b"other"), one);
        presence.tell();
        assert_eq!(presence.on(&one).len(), 1, "only its own look is left by a key");
        presence.leave(&key(b"k"), one);
        let (_, mut news) = presence.follow();
        presence.tell();
        assert_eq!(news.try_recv().unwrap().people, []);
        presence.look(key(b"k"), maria, one);
        presence.tell_at(Instant::now() + KEPT);
        assert!(presence.on(&one).is_empty());
    }
}
