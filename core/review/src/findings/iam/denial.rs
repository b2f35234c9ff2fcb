//! Denials: whether one still denies all that an earlier one did.
//!
//! A doubt counts as narrower: what is excepted (`NotAction`, `NotResource`, `NotPrincipal`) may shrink, never
//! grow, and no condition may be added.

use super::condition::meets_all;
use super::statement::Statement;
use crate::findings::observation::matches_glob;

impl Statement {
    /// Says whether this denial denies all that an earlier one did.
    pub(super) fn covers(&self, earlier: &Self) -> bool {
        let everybody = self.principals.iter().any(|(_, name)| name == "*");
        let people = self.excepted.iter().all(|name| earlier.excepted.contains(name))
            && self.excepted.is_empty() == earlier.excepted.is_empty()
            && (everybody || self.principals == earlier.principals);
        people
            && denied(
                (&self.actions, &self.not_actions),
                (&earlier.actions, &earlier.not_actions),
            )
            && denied(
                (&self.resources, &self.not_resources),
                (&earlier.resources, &earlier.not_resources),
            )
            && meets_all(&self.conditions, &earlier.conditions)
    }
}

type Reach<'a> = (&'a [String], &'a [String]);

/// Says whether the names denied now, or all but those excepted, hold all of those before.
fn denied(now: Reach<'_>, before: Reach<'_>) -> bool {
    let within =
        |have: &[String], want: &[String]| want.iter().all(|want| have.iter().any(|have| glob(have, want)));
    match (now, before) {
        // Every exception of now was one before.
        ((_, [_, ..]), (_, [_, ..])) => within(before.1, now.1),
        // All but a few hold what was named, unless an exception may touch it.
        ((_, except @ [_, ..]), (named, [])) => {
            !named.is_empty()
                && named.iter().all(|name| {
                    !except
                        .iter()
                        .any(|except| glob(except, name) || glob(name, except))
                })
        }
        ((named, []), (_, [_, ..])) => named.iter().any(|name| name == "*"),
        ((named, []), (wanted, [])) => within(named, wanted),
    }
}

fn glob(pattern: &str, text: &str) -> bool {
    matches_glob(&pattern.to_ascii_lowercase(), &text.to_ascii_lowercase())
}
