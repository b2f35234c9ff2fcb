//! `countersign directory invite`, `enrolments`, `revoke`: an owner's side of the life of a key.

use std::path::Path;

use countersign_client::now;
use countersign_client::trust::Trusted;
use countersign_console::enrolment::{self, Invitation, Invitations, Standing, code_key, judge};
use countersign_console::inbox::Inbox;
use countersign_console::organisation as org;
use countersign_protocol::directory::Directory;
use countersign_protocol::enrolment::{EnrolmentClaim, EnrolmentRecord, InviteBody};
use countersign_protocol::identity::PersonId;
use countersign_protocol::signed::Signer as _;
use countersign_protocol::text::Line;
use serde_json::{Value, json};

use super::directory::write_proposal;
use super::failure::{Code, Failure};
use super::{output, session};
use crate::cli::{Enrolments, Invite, Revoke};

/// Draws a code for a person, and opens an enrolment for it.
pub async fn invite(config: Option<&Path>, options: &Invite) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let mut invitations = kept(config)?;
    let (invitation, code) = Invitation::draw(options.person.clone(), options.team.clone(), now())?;
    let body = InviteBody {
        code: code_key(&code)?.public_key().clone(),
        person: options.person.clone(),
        expires_at: invitation.expires_at,
    };
    // Kept first: a code that was told has to be known here.
    invitations.all.push(invitation);
    invitations.keep()?;
    inbox.backend().invite(&body).await?;
    if options.json {
        return output::json(
            &json!({ "schema": "countersign/invitation/v1", "code": code.to_string(),
            "person": options.person, "expires_at": body.expires_at }),
        );
    }
    output::say(&format!("code for {}, shown once: {code}", options.person))?;
    output::say(&format!(
        "tell it to them over a channel that the backend does not carry; it is good once, until {}",
        body.expires_at
    ))?;
    output::say("they run: countersign keys enroll --code CODE")
}

/// Judges every enrolment that this owner opened, answers evidence with a challenge, and puts accepted keys into the
/// next directory.
pub async fn enrolments(config: Option<&Path>, options: &Enrolments) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let trusted = inbox.refresh_trust().await?;
    let mut invitations = kept(config)?;
    let list = inbox.backend().enrolments().await?;
    let mut documents = Vec::new();
    let mut judged = Vec::new();
    for record in &list.enrolments {
        let Some(place) = place_of(&invitations, record) else {
            if !options.json {
                output::say(&format!(
                    "{}: opened by {}, on another machine",
                    record.person, record.invited_by
                ))?;
            }
            continue;
        };
        let standing = stand(&inbox, &trusted, &mut invitations, place, record).await?;
        let (word, sentence) = told(&standing);
        if options.json {
            documents.push(document(record, &standing, word));
        } else {
            output::say(&format!("{}: {sentence}", record.person))?;
        }
        if let Some(invitation) = invitations.all.get(place) {
            judged.push((record, standing, invitation.clone()));
        }
    }
    if options.json {
        output::json(&json!({ "schema": "countersign/enrolments/v1", "enrolments": documents }))?;
    } else if list.enrolments.is_empty() {
        output::say("no enrolment is open; `countersign directory invite PERSON` opens one")?;
    }
    if options.accept.is_empty() {
        return Ok(());
    }
    let mut directory: Directory = (*trusted.directory).clone();
    for person in &options.accept {
        accept(&mut directory, person, &judged, options.vouch_hardware)?;
    }
    let output = options
        .output
        .as_deref()
        .ok_or_else(|| Failure::usage("`--accept` needs `-o FILE` for the directory", ""))?;
    write_proposal(
        &mut directory,
        &trusted.root,
        trusted.directory.version,
        options.days,
        output,
    )
}

/// Ends a key in the next directory.
pub async fn revoke(config: Option<&Path>, options: &Revoke) -> Result<(), Failure> {
    let trusted = session::inbox(config)?.refresh_trust().await?;
    let mut directory: Directory = (*trusted.directory).clone();
    let reason = Line::new(options.reason.as_str()).map_err(|error| Failure::usage(error.to_string(), ""))?;
    let at = now();
    if options.compromised_since.is_some_and(|since| since > at) {
        return Err(Failure::usage("`--compromised-since` lies in the future", ""));
    }
    org::revoke(
        &mut directory,
        &options.key,
        reason,
        options.compromised_since,
        at,
    )?;
    output::say(&format!(
        "key {} ends at {}; decisions logged from {} on are void, whatever time they state",
        options.key,
        at,
        options.compromised_since.unwrap_or(at)
    ))?;
    write_proposal(
        &mut directory,
        &trusted.root,
        trusted.directory.version,
        options.days,
        &options.output,
    )
}

fn kept(config: Option<&Path>) -> Result<Invitations, Failure> {
    let (home, _) = session::configuration(config)?;
    Ok(Invitations::open(home.state_folder(), now())?)
}

fn place_of(invitations: &Invitations, record: &EnrolmentRecord) -> Option<usize> {
    invitations.all.iter().position(|invitation| {
        let key = invitation.code().and_then(|code| code_key(&code));
        key.is_ok_and(|key| *key.public_key() == record.code)
    })
}

/// How it stands; evidence that holds is answered with a challenge.
async fn stand(
    inbox: &Inbox,
    trusted: &Trusted,
    invitations: &mut Invitations,
    place: usize,
    record: &EnrolmentRecord,
) -> Result<Standing, Failure> {
    let Some(invitation) = invitations.all.get_mut(place) else {
        return Ok(Standing::Waiting);
    };
    let standing = judge(record, invitation, trusted.root.id(), &trusted.directory, now());
    let Standing::Claimed(claim) = standing else {
        return Ok(standing);
    };
    let envelope = invitation.challenge(&claim)?;
    // The secret has to be known here before the TPM is asked for it.
    invitations.keep()?;
    inbox
        .backend()
        .challenge_enrolment(&record.code.id(), envelope)
        .await?;
    Ok(Standing::Challenged(claim))
}

fn accept(
    directory: &mut Directory,
    person: &PersonId,
    judged: &[(&EnrolmentRecord, Standing, Invitation)],
    vouched: bool,
) -> Result<(), Failure> {
    let of_person = |(record, _, _): &&(&EnrolmentRecord, Standing, Invitation)| record.person == *person;
    let (_, standing, invitation) = judged.iter().rev().find(of_person).ok_or_else(|| {
        Failure::new(
            Code::NotFound,
            format!("no enrolment of `{person}` is open here"),
            "",
        )
    })?;
    enrolment::accept(directory, standing, invitation, vouched, now()).map_err(|error| {
        Failure::new(
            Code::Refused,
            format!("`{person}`: {error}"),
            "nothing was written",
        )
    })
}

fn told(standing: &Standing) -> (&'static str, String) {
    let about = |claim: &EnrolmentClaim| {
        format!(
            "key {} ({}){}",
            claim.reviewer.id(),
            output::shown(claim.provider.raw()),
            claim
                .replaces
                .map(|old| format!(", in the place of {old}, which agrees"))
                .unwrap_or_default()
        )
    };
    match standing {
        Standing::Waiting => ("waiting", "has not answered yet".to_owned()),
        Standing::Accepted(claim) => ("accepted", format!("{}: in the directory", about(claim))),
        Standing::Refused(why) => ("refused", format!("REFUSED: {}", output::shown(why.as_str()))),
        Standing::Unproven(claim) => (
            "software",
            format!(
                "{}: signed by code and keys; no evidence, so it counts as software",
                about(claim)
            ),
        ),
        Standing::Claimed(claim) | Standing::Challenged(claim) => (
            "challenged",
            format!("{}: evidence holds; its TPM is challenged", about(claim)),
        ),
        Standing::Proven(claim) => (
            "hardware-attested",
            format!(
                "{}: proven to be in a TPM of a maker that the directory names",
                about(claim)
            ),
        ),
    }
}

fn document(record: &EnrolmentRecord, standing: &Standing, word: &str) -> Value {
    let (key, why) = match standing {
        Standing::Unproven(claim)
        | Standing::Claimed(claim)
        | Standing::Challenged(claim)
        | Standing::Proven(claim)
        | Standing::Accepted(claim) => (Some(claim.reviewer.id()), None),
        Standing::Refused(why) => (None, Some(why)),
        Standing::Waiting => (None, None),
    };
    json!({ "person": record.person, "standing": word, "key": key, "problem": why, "expires_at": record.expires_at })
}
