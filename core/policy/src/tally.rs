//! Counting approvals: each person once, each standing for one of their teams.
//!
//! A person in two teams cannot fill both places of a rule that wants two teams. Since policies may name teams,
//! every way in which people can stand for their teams is found, not only the widest.

use std::collections::BTreeSet;

use countersign_protocol::identity::{KeyAssurance, TeamId};

/// The most approvals that one question counts.
pub(crate) const MAX_APPROVALS: usize = 16;
/// The most ways of standing for teams, or of hypothetical quorums, that are looked through.
pub(crate) const MAX_WAYS: usize = 4096;

/// Approvals as `execute` sees them.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Tally {
    pub(crate) count: u32,
    pub(crate) hardware: u32,
    pub(crate) teams: u32,
    pub(crate) attested: u32,
    pub(crate) from: BTreeSet<TeamId>,
}

/// One approver: how the key is kept, and the teams to stand for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Approver {
    pub(crate) assurance: KeyAssurance,
    pub(crate) teams: BTreeSet<TeamId>,
}

/// More ways than are looked through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooMany;

impl Tally {
    /// This and one more person, who stands for `team`.
    fn with(&self, assurance: KeyAssurance, team: Option<&TeamId>) -> Self {
        let mut next = self.clone();
        next.count += 1;
        next.hardware += u32::from(assurance >= KeyAssurance::HardwareUnattested);
        next.attested += u32::from(assurance >= KeyAssurance::HardwareAttested);
        next.from.extend(team.cloned());
        next.teams = u32::try_from(next.from.len()).unwrap_or(u32::MAX);
        next
    }

    /// The same people, nobody of whom stands for `team`.
    pub(crate) fn without(&self, team: &TeamId) -> Self {
        let mut fewer = self.clone();
        fewer.from.remove(team);
        fewer.teams = u32::try_from(fewer.from.len()).unwrap_or(u32::MAX);
        fewer
    }

    fn with_each_team(&self, assurance: KeyAssurance, approver: &Approver) -> Vec<Self> {
        if approver.teams.is_empty() {
            return vec![self.with(assurance, None)];
        }
        approver
            .teams
            .iter()
            .map(|team| self.with(assurance, Some(team)))
            .collect()
    }
}

/// Every tally to which these approvers, all of them, can come; the one of most teams first.
pub(crate) fn ways(approvers: &[Approver]) -> Result<Vec<Tally>, TooMany> {
    if approvers.len() > MAX_APPROVALS {
        return Err(TooMany);
    }
    let mut all = BTreeSet::from([Tally::default()]);
    for approver in approvers {
        all = all
            .iter()
            .flat_map(|tally| tally.with_each_team(approver.assurance, approver))
            .collect();
        if all.len() > MAX_WAYS {
            return Err(TooMany);
        }
    }
    let mut sorted: Vec<Tally> = all.into_iter().collect();
    sorted.sort_by_key(|tally| std::cmp::Reverse(tally.teams));
    Ok(sorted)
}

/// A quorum's size, without its teams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) count: usize,
    pub(crate) hardware: u32,
    pub(crate) attested: u32,
}

impl Size {
    /// The sizes of as many people with as much hardware or less, the least first.
    pub(crate) fn and_smaller(self) -> Vec<Self> {
        let count = self.count;
        let of = |hardware| {
            let attested = 0..=self.attested.min(hardware);
            attested.map(move |attested| Self {
                count,
                hardware,
                attested,
            })
        };
        (0..=self.hardware).flat_map(of).collect()
    }
}

/// Every tally of exactly this size to which some of these people can come, each counted with the key they have
/// or less; the fewest teams first.
pub(crate) fn quorums(people: &[Approver], size: Size) -> Result<Vec<Tally>, TooMany> {
    let wanted = u32::try_from(size.count).map_err(|_| TooMany)?;
    let within = |tally: &Tally| tally.hardware <= size.hardware && tally.attested <= size.attested;
    let mut all = BTreeSet::from([Tally::default()]);
    for approver in alike_at_most(people, size.count) {
        let more: Vec<Tally> = all
            .iter()
            .filter(|tally| tally.count < wanted)
            .flat_map(|tally| {
                at_most(approver.assurance)
                    .flat_map(|assurance| tally.with_each_team(assurance, approver))
                    .filter(within)
                    .collect::<Vec<_>>()
            })
            .collect();
        all.extend(more);
        if all.len() > MAX_WAYS {
            return Err(TooMany);
        }
    }
    let exact = |tally: &Tally| {
        tally.count == wanted && tally.hardware == size.hardware && tally.attested == size.attested
    };
    Ok(all.into_iter().filter(exact).collect())
}

/// The best that could be reached by `count` of these people, or better: what not even this satisfies, none does.
pub(crate) fn bound(people: &[Approver], count: usize) -> Tally {
    let from: BTreeSet<TeamId> = people
        .iter()
        .flat_map(|approver| approver.teams.iter().cloned())
        .collect();
    let number = |all: usize| u32::try_from(all.min(count)).unwrap_or(u32::MAX);
    let with = |least| {
        number(
            people
                .iter()
                .filter(|approver| approver.assurance >= least)
                .count(),
        )
    };
    Tally {
        count: number(people.len()),
        hardware: with(KeyAssurance::HardwareUnattested),
        teams: number(from.len()),
        attested: with(KeyAssurance::HardwareAttested),
        from,
    }
}

/// Of people who are alike, no more than can be in one quorum.
fn alike_at_most(people: &[Approver], count: usize) -> Vec<&Approver> {
    let mut sorted: Vec<&Approver> = people.iter().collect();
    sorted.sort();
    let groups = sorted.chunk_by(|a, b| a == b);
    groups
        .flat_map(|alike| alike.iter().take(count).copied())
        .collect()
}

fn at_most(assurance: KeyAssurance) -> impl Iterator<Item = KeyAssurance> {
    [
        KeyAssurance::Software,
        KeyAssurance::HardwareUnattested,
        KeyAssurance::HardwareAttested,
    ]
    .into_iter()
    .filter(move |level| *level <= assurance)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn approver(assurance: KeyAssurance, teams: &[&str]) -> Approver {
        Approver {
            assurance,
            teams: teams.iter().map(|team| team.parse().unwrap()).collect(),
        }
    }

    #[test]
    fn one_person_stands_for_one_team() {
        let both = approver(KeyAssurance::Software, &["a", "b"]);
        let one = ways(std::slice::from_ref(&both)).unwrap();
        assert_eq!(one.len(), 2);
        assert!(one.iter().all(|tally| tally.teams == 1 && tally.count == 1));
        let two = ways(&[both, approver(KeyAssurance::Software, &["a"])]).unwrap();
        assert_eq!(two.first().unwrap().teams, 2);
    }

    #[test]
    fn a_person_without_a_team_counts_without_one() {
        let all = ways(&[approver(KeyAssurance::Software, &[])]).unwrap();
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].count, all[0].teams), (1, 0));
    }

    #[test]
    fn too_many_are_refused_not_cut_off() {
        let one = approver(KeyAssurance::Software, &["a"]);
        assert!(ways(&vec![one.clone(); 16]).is_ok());
        assert_eq!(ways(&vec![one; 17]), Err(TooMany));
        let names: Vec<String> = (0..16).map(|index| format!("t{index}")).collect();
        let teams: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(
            ways(&vec![approver(KeyAssurance::Software, &teams); 16]),
            Err(TooMany)
        );
    }

    #[test]
    fn quorums_have_the_size_that_is_asked_for() {
        let people = [
            approver(KeyAssurance::HardwareAttested, &["a"]),
            approver(KeyAssurance::Software, &["a"]),
            approver(KeyAssurance::Software, &["b"]),
        ];
        let size = |count, hardware, attested| Size {
            count,
            hardware,
            attested,
        };
        let pairs = quorums(&people, size(2, 0, 0)).unwrap();
        let teams: Vec<u32> = pairs.iter().map(|tally| tally.teams).collect();
        assert_eq!(teams, [1, 2]);
        assert_eq!(quorums(&people, size(2, 1, 1)).unwrap().len(), 2);
        assert!(quorums(&people, size(2, 2, 0)).unwrap().is_empty());
        assert!(quorums(&people, size(4, 0, 0)).unwrap().is_empty());
        let most = bound(&people, 2);
        assert_eq!(
            (most.count, most.hardware, most.attested, most.teams),
            (2, 1, 1, 2)
        );
    }
}
