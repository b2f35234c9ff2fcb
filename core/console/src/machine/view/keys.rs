//! The keys of this machine as they are drawn.

use std::time::Duration;

use countersign_protocol::identity::{KeyAssurance, Presence, Role};
use countersign_protocol::moment::Timestamp;
use serde::Serialize;

use super::super::Moment;
use super::piece::{Piece, Text, Tone, foreign, span};
use crate::keys::listing::{KeyListing, Standing};

/// A key that ends sooner than this is named as one that does.
const SOON: Duration = Duration::from_secs(30 * 86_400);

/// One key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "types", derive(ts_rs::TS))]
pub struct KeyView {
    /// Its name on this machine.
    pub name: Text,
    /// What keeps it.
    pub provider: &'static str,
    /// What it signs.
    pub signs: &'static str,
    /// Its id.
    pub id: String,
    /// Where it is kept, where that is known.
    pub kept_in: Option<Text>,
    /// What it asks for before it signs.
    pub asks: Option<&'static str>,
    /// Whether it can be used now, or why not.
    pub usable: Text,
    /// How it is kept, as the directory says.
    pub assurance: Piece,
    /// What a signature by it proves of the person.
    pub presence: &'static str,
    /// Until when it counts.
    pub valid: Piece,
}

/// The keys, in the order of their names.
#[must_use]
pub fn keys(all: &[KeyListing], now: Moment) -> Vec<KeyView> {
    all.iter().map(|one| key(one, now.wall)).collect()
}

fn key(one: &KeyListing, now: Timestamp) -> KeyView {
    let standing = one.standing.as_ref();
    KeyView {
        name: foreign(&one.name.as_str().into(), Tone::Strong),
        provider: one.key.provider.word(),
        signs: signs(one.key.role),
        id: one.key.id.to_string(),
        kept_in: one
            .kept_in
            .as_deref()
            .map(|place| foreign(&place.into(), Tone::Plain)),
        asks: one.asks,
        usable: usable(one),
        assurance: standing.map_or_else(
            || Piece::new("! not in the directory: it signs nothing that counts", Tone::Warn),
            |standing| assurance(standing.assurance),
        ),
        presence: match standing {
            _ if one.key.pin_remembered => "nothing: its PIN is remembered (lower assurance)",
            Some(standing) => presence(standing.presence),
            None => "nothing",
        },
        valid: standing.map_or_else(|| Piece::new("–", Tone::Faint), |standing| valid(standing, now)),
    }
}

fn usable(one: &KeyListing) -> Text {
    match (&one.problem, one.attempts_left) {
        (Some(problem), _) => {
            let mut text = vec![Piece::new("✗ ", Tone::Bad)];
            text.extend(foreign(&problem.as_str().into(), Tone::Plain));
            text
        }
        (None, Some(left)) => vec![Piece::new(format!("✓ available, {left} tries left"), Tone::Good)],
        (None, None) => vec![Piece::new("✓ available", Tone::Good)],
    }
}

const fn signs(role: Role) -> &'static str {
    match role {
        Role::Reviewer => "decisions",
        Role::Root => "roots",
        Role::DirectoryOwner => "directories",
        Role::PolicyOwner => "policies",
        Role::Login => "sessions",
        Role::Backend | Role::Log | Role::Guard => "what a service says",
    }
}

fn assurance(assurance: KeyAssurance) -> Piece {
    match assurance {
        KeyAssurance::HardwareAttested => Piece::new("✓ in hardware, attested", Tone::Good),
        KeyAssurance::HardwareUnattested => Piece::new("in hardware, not attested", Tone::Plain),
        KeyAssurance::Software => Piece::new("in software", Tone::Plain),
    }
}

const fn presence(presence: Presence) -> &'static str {
    match presence {
        Presence::None => "nothing",
        Presence::Pin => "that a PIN or passphrase was given",
        Presence::Touch => "that it was touched",
    }
}

fn valid(standing: &Standing, now: Timestamp) -> Piece {
    if let Some(at) = standing.revoked {
        return Piece::new(format!("✗ revoked at {at}"), Tone::Bad);
    }
    if now < standing.not_before {
        return Piece::new(format!("○ from {}", standing.not_before), Tone::Warn);
    }
    let left = standing.not_after.since(now);
    match left {
        Duration::ZERO => Piece::new(format!("✗ ended at {}", standing.not_after), Tone::Bad),
        left if left < SOON => Piece::new(
            format!("! until {}, {} more", standing.not_after, span(left)),
            Tone::Warn,
        ),
        left => Piece::new(
            format!("until {}, {} more", standing.not_after, span(left)),
            Tone::Plain,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_key_is_told_by_sign_and_word() {
        let day = 86_400_000;
        let standing = |until: u64, revoked: Option<u64>| Standing {
            assurance: KeyAssurance::Software,
            presence: Presence::Pin,
            not_before: Timestamp::from_millis(day),
            not_after: Timestamp::from_millis(until * day),
            revoked: revoked.map(Timestamp::from_millis),
        };
        let told = |standing: &Standing, at: u64| valid(standing, Timestamp::from_millis(at * day)).text;
        assert!(told(&standing(400, None), 2).starts_with("until "));
        assert!(told(&standing(10, None), 2).ends_with("8d more"));
        assert!(told(&standing(10, None), 2).starts_with("! "));
        assert!(told(&standing(10, None), 11).starts_with("✗ ended"));
        assert!(told(&standing(10, None), 0).starts_with("○ from"));
        assert!(told(&standing(400, Some(day)), 2).starts_with("✗ revoked"));
    }
}
