//! `countersign init`: make an organisation on an owner's machine, away from any backend.

use std::path::Path;

use countersign_client::now;
use countersign_console::home::Home;
use countersign_console::keys as console_keys;
use countersign_console::organisation::{self as org, OwnerKeys, ServiceKeys};
use countersign_protocol::api::TrustDocument;
use countersign_protocol::directory::Directory;
use countersign_protocol::policy_bundle::{Limits, PolicyBundle};
use countersign_protocol::root::{Root, TrustedRoot};
use countersign_protocol::signed::Signer;
use countersign_protocol::text::Line;
use secrecy::SecretString;

use super::failure::Failure;
use super::{file, output, owner, passphrase, policy};
use crate::cli::Init;

pub fn run(options: &Init) -> Result<(), Failure> {
    let home = Home::from_environment()?;
    if let Some(document) = &options.sign {
        return sign(&home, document, options);
    }
    let person = options
        .person
        .as_ref()
        .ok_or_else(|| Failure::usage("`--person` is needed", ""))?;
    if options.owner_keys {
        let (own, _) = owner::own_keys(&home, person, options)?;
        file::write_json(&options.output, &own)?;
        return output::say(&format!(
            "wrote your public owner keys to {}",
            options.output.display()
        ));
    }
    let organisation = options
        .organisation
        .as_ref()
        .ok_or_else(|| Failure::usage("`--organisation` is needed", ""))?;
    let services = options
        .service_keys
        .as_deref()
        .ok_or_else(|| Failure::usage("`--service-keys` is needed", ""))?;
    let services: ServiceKeys = file::read_json(services)?;
    let mut owners = Vec::new();
    for path in &options.co_owner {
        owners.push(file::read_json::<OwnerKeys>(path)?);
    }
    // Refused before any key is made.
    if usize::try_from(options.threshold).is_ok_and(|needed| needed > owners.len() + 1)
        || options.threshold == 0
    {
        return Err(org::OrganisationError::TooFewOwners {
            owners: owners.len() + 1,
            threshold: options.threshold,
        }
        .into());
    }
    let (own, secret) = owner::own_keys(&home, person, options)?;
    owners.insert(0, own);
    let name = line(organisation)?;
    let document = make(&home, name, &owners, &services, options, secret)?;
    file::write_json(&options.output, &document)?;
    tell(&document, options)
}

fn make(
    home: &Home,
    organisation: Line,
    owners: &[OwnerKeys],
    services: &ServiceKeys,
    options: &Init,
    secret: Option<SecretString>,
) -> Result<TrustDocument, Failure> {
    let signers = unlock_all(home, secret, options)?;
    let [root_key, directory_key, policy_key] = &signers;
    let root = org::root(organisation, owners, services, options.threshold, now())?;
    let root = seal(&root, root_key.as_ref())?;
    let id = TrustedRoot::id_of(&root);
    let directory = org::first_directory(id, owners, false, now())?;
    let files = if options.policy.is_empty() {
        policy::small_team()
    } else {
        policy::read_all(&options.policy)?
    };
    let bundle = org::bundle(id, 1, &files, vec![], Limits::default(), now(), org::VALIDITY)?;
    Ok(org::document(
        root,
        seal(&directory, directory_key.as_ref())?,
        seal(&bundle, policy_key.as_ref())?,
    ))
}

fn tell(document: &TrustDocument, options: &Init) -> Result<(), Failure> {
    let root = document.roots.first().map(TrustedRoot::id_of);
    if let Some(root) = root {
        output::say(&format!("root: {root}"))?;
        output::say(&format!(
            "root words, for members to compare: {}",
            root.words().join(" ")
        ))?;
    }
    if options.threshold == 1 && options.sign.is_none() {
        output::say("threshold 1: one person alone controls root, directory and policy")?;
    }
    output::say(&format!("wrote {}", options.output.display()))?;
    match org::check(document) {
        Ok(_) => {
            output::say("it has all signatures it needs; next: countersignd init --home DIR --trust FILE")
        }
        Err(missing) => output::say(&format!(
            "it is not complete yet ({missing}); each other owner runs: countersign init --sign FILE -o FILE"
        )),
    }
}

/// Adds this owner's signatures to all three statements.
fn sign(home: &Home, path: &Path, options: &Init) -> Result<(), Failure> {
    let document: TrustDocument = file::read_json(path)?;
    if let Some(root) = document.roots.first() {
        output::say(&format!(
            "root words: {}",
            TrustedRoot::id_of(root).words().join(" ")
        ))?;
    }
    let signers = unlock_all(home, None, options)?;
    let [root_key, directory_key, policy_key] = &signers;
    let mut roots = document.roots.clone();
    if let Some(last) = roots.pop() {
        roots.push(org::countersign::<Root>(last, root_key.as_ref())?);
    }
    let document = TrustDocument {
        roots,
        directory: org::countersign::<Directory>(document.directory, directory_key.as_ref())?,
        policy: org::countersign::<PolicyBundle>(document.policy, policy_key.as_ref())?,
        log_origin: document.log_origin,
    };
    file::write_json(&options.output, &document)?;
    tell(&document, options)
}

type Unlocked = Box<dyn Signer + Send + Sync>;

/// Unlocks an owner's three keys, which are unlocked alike: by the secret that was just chosen, or one that is asked
/// for once.
fn unlock_all(home: &Home, secret: Option<SecretString>, options: &Init) -> Result<[Unlocked; 3], Failure> {
    let mut opened = Vec::new();
    for (_, key) in owner::configured(home)? {
        opened.push(console_keys::open(&key)?);
    }
    let secret = match (secret, opened.first()) {
        (Some(secret), _) => secret,
        (None, Some(first)) => passphrase::of_key(first.as_ref(), &options.pin, "your owner keys")?,
        (None, None) => SecretString::default(),
    };
    let mut signers = Vec::new();
    for key in opened {
        signers.push(key.unlock(&secret)?);
    }
    <[_; 3]>::try_from(signers).map_err(|_| Failure::internal("the owner keys are not complete"))
}

fn seal<T: countersign_protocol::signed::Predicate>(
    statement: &T,
    signer: &dyn Signer,
) -> Result<countersign_protocol::signed::Envelope, Failure> {
    Ok(org::seal(statement, &[signer])?)
}

fn line(text: &str) -> Result<Line, Failure> {
    Line::new(text).map_err(|error| Failure::usage(error.to_string(), ""))
}
