//! `countersign root`: who the owners are, and which keys backend and log have; the next root, and signing it.

use std::path::Path;
use std::time::Duration;

use countersign_client::now;
use countersign_client::trust::TrustStore;
use countersign_console::organisation::{
    OWNER_KEYS_SCHEMA, OwnerKeys, SERVICE_KEYS_SCHEMA, ServiceKeys, seal,
};
use countersign_console::succession::{self, Change, Services, SuccessionError, Tally};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::directory::TrustedDirectory;
use countersign_protocol::identity::{PersonId, Role};
use countersign_protocol::policy_bundle::TrustedBundle;
use countersign_protocol::root::{Root, TrustedRoot};
use countersign_protocol::signed::{Envelope, Signed};
use serde_json::json;

use super::failure::{Code, Failure};
use super::output::shown;
use super::{file, output, owner, session, statement};
use crate::cli::{self, RootPropose, RootSign};

pub async fn run(config: Option<&Path>, chosen: cli::Root) -> Result<(), Failure> {
    match chosen {
        cli::Root::Show { json } => show(config, json).await,
        cli::Root::Propose(options) => propose(config, &options),
        cli::Root::Sign(options) => sign(config, &options).await,
    }
}

async fn show(config: Option<&Path>, as_json: bool) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    // Kept here where it can be. While directory and policy lag behind it can't, and that an owner has to see.
    let _ = inbox.refresh_trust().await;
    let root = session::newest_root(&inbox).await?;
    let lagging = lagging(&root, &inbox.backend().trust().await?);
    let (_, known) = session::configuration(config)?;
    let here = |id| {
        known
            .keys
            .iter()
            .find(|(_, key)| key.id == id)
            .map(|(name, _)| name)
    };
    let statement = root.root();
    if as_json {
        let keys: Vec<_> = statement
            .keys
            .iter()
            .map(|key| {
                json!({ "id": key.key.id(), "role": key.role, "holder": key.holder,
                    "algorithm": key.key.algorithm(), "here": here(key.key.id()) })
            })
            .collect();
        return output::json(&json!({ "schema": "countersign/root/v1", "root": root.id(),
            "words": root.id().words().join(" "), "organisation": statement.organisation,
            "version": statement.version, "expires_at": statement.expires_at,
            "thresholds": statement.thresholds, "keys": keys, "lagging": lagging }));
    }
    output::say(&format!(
        "{}: root version {}, until {}",
        shown(statement.organisation.raw()),
        statement.version,
        statement.expires_at
    ))?;
    output::say(&format!(
        "pinned as {}: {}",
        root.id(),
        root.id().words().join(" ")
    ))?;
    output::say(&format!(
        "signatures needed: {} for a root, {} for a directory, {} for a policy bundle",
        statement.thresholds.root, statement.thresholds.directory, statement.thresholds.policy
    ))?;
    for key in &statement.keys {
        let holder = key.holder.as_ref().map(PersonId::as_str);
        output::say(&format!(
            "key {}: {}{}{}",
            key.key.id(),
            key.role.word(),
            holder.map(|holder| format!(" of {holder}")).unwrap_or_default(),
            here(key.key.id())
                .map(|name| format!(", here as `{}`", shown(name.as_str())))
                .unwrap_or_default()
        ))?;
    }
    for what in lagging {
        output::say(&format!(
            "NOTHING IS APPROVED: the {what} in force is not signed by enough owners of this root; sign a new one"
        ))?;
    }
    Ok(())
}

fn propose(config: Option<&Path>, options: &RootPropose) -> Result<(), Failure> {
    let (home, _) = session::configuration(config)?;
    let current = TrustStore::open(&home.trust_folder())?.trusted()?.root;
    let mut owners = Vec::new();
    for path in &options.owner {
        let owner: OwnerKeys = file::read_json(path)?;
        check_schema(path, &owner.schema, OWNER_KEYS_SCHEMA)?;
        owners.push(owner);
    }
    let services = match &options.service_keys {
        None => Services::AsBefore,
        Some(path) => {
            let services: ServiceKeys = file::read_json(path)?;
            check_schema(path, &services.schema, SERVICE_KEYS_SCHEMA)?;
            if options.keep_service_keys {
                Services::Also(services)
            } else {
                Services::Instead(services)
            }
        }
    };
    let change = Change {
        owners,
        leaving: options.leave.iter().cloned().collect(),
        services,
        threshold: options.threshold,
    };
    let validity = Duration::from_secs(u64::from(options.days) * 24 * 3600);
    let next = succession::next(&current, &change, now(), validity).map_err(refusal)?;
    // A statement without signatures: owners sign exactly these bytes.
    let envelope = seal(&next, &[])?;
    file::write_json(&options.output, &envelope)?;
    statement::say_change::<Root>(current.root(), &next)?;
    output::say(&format!(
        "wrote root version {} to {}; next, each on their own machine: countersign root sign FILE",
        next.version,
        options.output.display()
    ))?;
    say_tallies(&current, &next, &envelope)
}

async fn sign(config: Option<&Path>, options: &RootSign) -> Result<(), Failure> {
    let refuse = |error: String| Failure::new(Code::Refused, error, "nothing was signed");
    let envelope: Envelope = file::read_json(&options.file)?;
    let next = Signed::<Root>::from(envelope.clone())
        .unproven_for_signing()
        .map_err(|error| refuse(error.to_string()))?;
    next.check().map_err(|error| refuse(error.to_string()))?;
    let (home, _) = session::configuration(config)?;
    let current = TrustStore::open(&home.trust_folder())?.trusted()?.root;
    check_follows(&current, &next)?;
    statement::say_change::<Root>(current.root(), &next)?;
    let named = |(_, key): &owner::Named| {
        current.names(&key.id) || next.keys.iter().any(|one| one.key.id() == key.id)
    };
    let mut keys = owner::signing_keys(config, Role::Root, &options.key)?;
    keys.retain(named);
    if keys.is_empty() {
        return Err(Failure::new(
            Code::Refused,
            "neither this root nor the one before names a key of this machine",
            "its owners sign it on their machines",
        ));
    }
    let envelope = owner::sign::<Root>(envelope, &keys, &options.pin)?;
    let to = options.output.as_ref().unwrap_or(&options.file);
    file::write_json(to, &envelope)?;
    output::say(&format!("signed {}", to.display()))?;
    say_tallies(&current, &next, &envelope)?;
    if options.publish {
        publish(config, options, &envelope).await?;
    }
    Ok(())
}

/// Hands a root to the backend, where everybody will follow it and nothing stands still under it.
async fn publish(config: Option<&Path>, options: &RootSign, envelope: &Envelope) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let document = inbox.backend().trust().await?;
    let mut roots = document.roots.clone();
    roots.push(envelope.clone());
    let pinned = inbox.store().root_id();
    let next = TrustedRoot::follow(&pinned, &roots).map_err(|error| {
        Failure::new(
            Code::Refused,
            error.to_string(),
            "other owners sign with `countersign root sign FILE`",
        )
    })?;
    let lagging = lagging(&next, &document);
    if !lagging.is_empty() && !options.pause {
        return Err(Failure::new(
            Code::Refused,
            format!(
                "the {} in force would not stand under this root",
                lagging.join(" and the ")
            ),
            "have enough of its owners sign the next one first, with old and new keys, and publish that; or say \
             `--pause`: nothing is approved until they have",
        ));
    }
    inbox.backend().publish_root(envelope.clone()).await?;
    output::say("the backend took it")?;
    for what in lagging {
        output::say(&format!(
            "nothing is approved until the owners of this root signed a new {what}"
        ))?;
    }
    Ok(())
}

/// What does not stand under a root.
fn lagging(root: &TrustedRoot, document: &TrustDocument) -> Vec<&'static str> {
    let directory = TrustedDirectory::accept(root, &document.directory, 0).is_err();
    let policy = TrustedBundle::accept(root, &document.policy, 0).is_err();
    [(directory, "directory"), (policy, "policy bundle")]
        .into_iter()
        .filter_map(|(lags, what)| lags.then_some(what))
        .collect()
}

fn check_follows(current: &TrustedRoot, next: &Root) -> Result<(), Failure> {
    let before = current.root();
    if next.version == before.version + 1 && next.previous.as_ref() == Some(before.digest()) {
        return Ok(());
    }
    Err(Failure::new(
        Code::Stale,
        format!(
            "root version {} does not follow from version {}, the newest known here",
            next.version, before.version
        ),
        "`countersign root show` fetches the newest; propose from that",
    ))
}

fn check_schema(path: &Path, found: &str, wanted: &str) -> Result<(), Failure> {
    if found == wanted {
        return Ok(());
    }
    Err(Failure::usage(
        format!(
            "`{}` is not what is expected: its schema is not `{wanted}`",
            path.display()
        ),
        "",
    ))
}

fn say_tallies(current: &TrustedRoot, next: &Root, envelope: &Envelope) -> Result<(), Failure> {
    let [old, new] = succession::tallies(current, next, envelope);
    say_tally(&old, "owners of today: ")?;
    say_tally(&new, "owners it names: ")
}

fn say_tally(tally: &Tally, whose: &str) -> Result<(), Failure> {
    let missing: Vec<&str> = tally.missing.iter().map(PersonId::as_str).collect();
    let rest = if tally.is_enough() || missing.is_empty() {
        String::new()
    } else {
        format!("; not yet: {}", missing.join(", "))
    };
    output::say(&format!(
        "{whose}{} of {} signatures{rest}",
        tally.signed, tally.needed
    ))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` hands it over")]
fn refusal(error: SuccessionError) -> Failure {
    Failure::new(Code::Refused, error.to_string(), "nothing was written")
}
