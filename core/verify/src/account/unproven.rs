//! What evidence of this kind does not prove, even where every step holds.

use crate::chain::Chain;
use countersign_protocol::identity::KeyAssurance;
use countersign_protocol::proposal::Isolation;

/// Returns, as sentences, what the evidence does not prove though it holds.
pub(super) fn unproven(chain: &Chain) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |so: bool, what: &str| all.extend(so.then(|| what.to_owned()));
    say(
        chain.findings_recorded,
        "What the rules find: this request was made with other rules than this program has, so its findings are the recorded ones.",
    );
    say(
        chain.request.isolation == Isolation::None,
        "That the agent could not go round the guard: it ran as the agent's own user.",
    );
    say(
        chain.request.personal,
        "Four eyes: a person supervised their own agent.",
    );
    say(
        chain.request.approved.is_some(),
        "That what is called the last approved state was the last: the backend looked it up.",
    );
    say(
        chain.log.checkpoint.is_none(),
        "That the request stands in the log, and that nothing about it is hidden.",
    );
    say(
        chain.log.checkpoint.is_some() && chain.log.witnesses == 0,
        "That everybody is shown the same log: no witness signed its tree.",
    );
    if let Some(at) = chain.log.newest_leaf {
        say(
            true,
            &format!("What came after {at}: a later revocation, denial or alarm is not in here."),
        );
    }
    let counting = || chain.decisions.iter().filter(|checked| checked.void.is_none());
    say(
        counting().any(|checked| checked.vote.assurance != KeyAssurance::HardwareAttested),
        "That no copy of a reviewer's key exists: not every one is proven to be in hardware.",
    );
    say(
        counting().next().is_some(),
        "That a reviewer read and understood: what was on screen is what their console says.",
    );
    say(
        counting().any(|checked| checked.logged_at.is_none()),
        "When a decision was made: not every one stands in the log.",
    );
    say(
        chain.receipt.is_some(),
        "What really happened on the target: the outcome is what the guard signed.",
    );
    say(
        chain.grant.is_some() && chain.receipt.is_none(),
        "Whether it ran: it was granted, and no guard has accounted for it in here.",
    );
    all
}
