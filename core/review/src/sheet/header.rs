//! The fields of the request and the proposal, all of them.

use std::collections::BTreeSet;
use std::fmt::Display;

use countersign_protocol::action::{Action, Payload};
use countersign_protocol::amendment::Amends;
use countersign_protocol::approval::{ApprovalRequest, ApprovalRule};
use countersign_protocol::context::Fact;
use countersign_protocol::identity::PersonId;
use countersign_protocol::proposal::{Claims, Isolation, Proposal};
use countersign_protocol::signed::Verified;
use countersign_protocol::text::Line;

use super::{Page, SheetError};
use crate::secret::Masks;

pub(super) fn sentence(proposal: &Proposal, request: &ApprovalRequest, masks: &Masks) -> String {
    let behalf = match joined(&request.initiators) {
        people if people.is_empty() => String::new(),
        people => format!(" for {people}"),
    };
    let verb = verb(&proposal.action.payload);
    let reason = match proposal.claims.reason.raw() {
        "" => "gives no reason".to_owned(),
        reason => format!("claims as reason \"{}\"", masks.escaped(reason.as_bytes())),
    };
    format!(
        "Agent {}{behalf} asks to {verb} {} ({}) in {}, until {}; it {reason}.",
        request.agent,
        masks.name(request.target.raw().as_bytes()),
        request.kind.title(),
        request.environment,
        request.expires_at,
    )
}

/// What a payload does to its target.
pub(super) fn verb(payload: &Payload) -> &'static str {
    match payload {
        Payload::FileChange(change) if change.before.is_none() => "create",
        Payload::FileChange(change) if change.after.is_none() => "remove",
        Payload::FileChange(_) => "change",
        Payload::Exec(_) => "run",
        Payload::Sql(_) => "run SQL on",
    }
}

/// The fields of a request that say what it is; [`bindings`] has the others.
pub(super) fn request(page: &mut Page, verified: &Verified<ApprovalRequest>) -> Result<(), SheetError> {
    let request = &**verified;
    page.heading("request");
    page.field("request", &request.id.to_string())?;
    page.field("agent", request.agent.as_str())?;
    page.field("on behalf of", &or_none(&joined(&request.initiators)))?;
    page.field("may not approve", &or_none(&joined(&request.excluded)))?;
    page.field("kind", &format!("{} ({})", request.kind, request.kind.title()))?;
    page.field("environment", request.environment.as_str())?;
    page.name("target", request.target.raw())?;
    page.field("severity", request.severity.word())?;
    page.field("created", &request.created_at.to_string())?;
    page.field("expires", &request.expires_at.to_string())?;
    page.field("uses", "1")?;
    page.field(
        "four eyes",
        if request.personal {
            "no: people supervise their own agents here"
        } else {
            "yes"
        },
    )?;
    page.field(
        "isolation",
        match request.isolation {
            Isolation::None => "none: the guard runs as the agent's own user, which could go round it",
            Isolation::SeparateUser => "the guard runs as another user than the agent",
        },
    )
}

/// How many secrets are masked, and how far the masks tell.
pub(super) fn secrets(page: &mut Page, request: &ApprovalRequest) -> Result<(), SheetError> {
    let told = match (page.masks.count(), request.mask_key) {
        (0, _) => "none found".to_owned(),
        (count, Some(_)) => format!("{count}; equal marks are equal secrets, in this request alone"),
        (count, None) => format!("{count}; masks tell the length alone"),
    };
    page.field("secrets masked", &told)
}

/// The fields of a request that bind it to everything else. The struct is taken apart whole.
pub(super) fn bindings(page: &mut Page, verified: &Verified<ApprovalRequest>) -> Result<(), SheetError> {
    let ApprovalRequest {
        root,
        proposal,
        guard,
        guard_key,
        action_digest,
        baseline,
        drift,
        directory,
        policy,
        ruleset,
        sheet,
        findings,
        context,
        // Shown by `request`:
        id: _,
        agent: _,
        initiators: _,
        excluded: _,
        personal: _,
        isolation: _,
        kind: _,
        environment: _,
        target: _,
        severity: _,
        approved: _, // in a part of its own
        rule: _,
        created_at: _,
        expires_at: _,
        uses: _,
        // Not shown: whoever reads the sheet alone cannot try guesses of a secret against its mark.
        mask_key: _,
    } = &**verified;
    facts(page, "looked up by the backend", context)?;
    page.heading("bindings");
    page.field("request digest", &verified.request_digest().to_string())?;
    page.field("organisation", &root.to_string())?;
    page.field("guard", guard.as_str())?;
    page.field("guard key", &guard_key.to_string())?;
    page.field("proposal", &proposal.to_string())?;
    page.field("action", &action_digest.to_string())?;
    page.field(
        "baseline",
        &baseline.map_or_else(|| "none".to_owned(), |digest| digest.to_string()),
    )?;
    if let Some(drift) = drift {
        page.field("drift", &drift.to_string())?;
    }
    page.field("directory", &directory.to_string())?;
    page.field("policy", &policy.to_string())?;
    page.foreign("finding rules", ruleset.raw())?;
    page.field("findings", &findings.to_string())?;
    page.foreign("sheet", sheet.raw())
}

pub(super) fn approval_rule(page: &mut Page, rule: &ApprovalRule) -> Result<(), SheetError> {
    let ApprovalRule {
        approvals,
        hardware,
        teams,
        eligible,
        policies,
    } = rule;
    page.heading("what it takes");
    page.field("approvals", &approvals.to_string())?;
    page.field("of them with a hardware key", &hardware.to_string())?;
    page.field("from teams", &teams.to_string())?;
    page.field("may approve", &or_none(&joined(eligible)))?;
    let names: Vec<&str> = policies.iter().map(Line::raw).collect();
    page.foreign("under policies", names.join(", ").as_str())
}

pub(super) fn proposal(page: &mut Page, proposal: &Proposal) -> Result<(), SheetError> {
    let Proposal {
        root: _,  // equal to the request's, which is shown
        guard: _, // likewise
        agent: _, // likewise
        isolation: _,
        nonce: _,      // random; covered by the proposal digest, which is shown
        checkpoint: _, // of the log, which everybody reads by itself; covered likewise
        claims,
        observed,
        action,
        action_digest: _, // shown with the request
        directory,
        policy,
        amends,
        created_at,
        expires_at,
    } = proposal;
    let Claims {
        initiators,
        reason,
        ticket,
        link,
    } = claims;
    if let Some(amends) = amends {
        amended(page, amends)?;
    }
    page.heading("claimed by the agent");
    for initiator in initiators {
        page.claim("initiator", initiator.raw())?;
    }
    page.claim("reason", reason.raw())?;
    page.claim("ticket", ticket.raw())?;
    page.claim("link", link.raw())?;
    facts(page, "observed by the guard", observed)?;
    page.field("proposed", &created_at.to_string())?;
    page.field("wanted until", &expires_at.to_string())?;
    page.field("guard's directory", &directory.to_string())?;
    page.field("guard's policy", &policy.to_string())?;
    // Kind, environment and target of the action equal the request's; the payload is shown by itself.
    let Action {
        kind: _,
        environment: _,
        target: _,
        payload: _,
    } = action;
    Ok(())
}

/// What the action follows from. Verified against the amendment itself wherever a request is verified.
fn amended(page: &mut Page, amends: &Amends) -> Result<(), SheetError> {
    let Amends {
        request,
        request_digest,
        amendment,
        amender,
        reason,
        excluded,
    } = amends;
    page.heading("counter-proposal");
    page.field("amends", &request.to_string())?;
    page.field("written by", amender.as_str())?;
    page.foreign("because", reason.raw())?;
    page.field("may not approve because of it", &joined(excluded))?;
    page.field("amended request digest", &request_digest.to_string())?;
    page.field("amendment", &amendment.to_string())
}

fn facts(page: &mut Page, title: &str, facts: &[Fact]) -> Result<(), SheetError> {
    page.heading(title);
    for Fact {
        origin: _,
        name,
        value,
    } in facts
    {
        let name = page.masks.escaped(name.raw().as_bytes());
        page.foreign(&name, value.raw())?;
    }
    Ok(())
}

fn joined(people: &BTreeSet<PersonId>) -> String {
    people.iter().map(PersonId::as_str).collect::<Vec<_>>().join(", ")
}

fn or_none(text: &impl Display) -> String {
    match text.to_string() {
        text if text.is_empty() => "nobody".to_owned(),
        text => text,
    }
}
