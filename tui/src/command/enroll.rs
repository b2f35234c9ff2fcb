//! `countersign keys enroll`, `rotate`, `revoke`: a person's side of the life of a key.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_client::http::{Backend, Options};
use countersign_client::key_file;
use countersign_client::now;
use countersign_client::trust::TrustStore;
use countersign_console::config::{Config, ConfiguredKey, Provider};
use countersign_console::enrolment::code_key;
use countersign_console::home::Home;
use countersign_console::keys as console_keys;
use countersign_console::keys::tpm::{TpmKey, TpmKeys};
use countersign_protocol::attestation::{Claim, TpmEvidence};
use countersign_protocol::canonical;
use countersign_protocol::digest::RootId;
use countersign_protocol::directory::{KeyHolder, TrustedDirectory};
use countersign_protocol::enrolment::{
    self, ActivationBody, CLAIM_SCHEMA, CLAIM_TYPE, Code, EnrolmentClaim, EnrolmentRecord,
};
use countersign_protocol::identity::{PersonId, PublicKey, Role};
use countersign_protocol::signed::{Envelope, Signer};
use countersign_protocol::text::Line;
use secrecy::SecretString;

use super::failure::{Code as Exit, Failure};
use super::passphrase::Asking;
use super::{keys, output, session};
use crate::cli::{EnrollKey, Pin, RevokeKey, RotateKey};

/// How often the owner's answer is asked for.
const PAUSE: Duration = Duration::from_secs(2);

/// Asks the owners to add a key, by a code that one of them told.
pub async fn enroll(config: Option<&Path>, options: &EnrollKey) -> Result<(), Failure> {
    let wanted = Wanted {
        code: &options.code,
        name: &options.name,
        replaces: None,
        display: options.display.as_deref(),
        evidence: !options.no_evidence,
        wait: options.wait,
        pin: &options.pin,
    };
    ask(config, &wanted).await
}

/// The same for a key that takes another one's place; the old one signs as well.
pub async fn rotate(config: Option<&Path>, options: &RotateKey) -> Result<(), Failure> {
    let wanted = Wanted {
        code: &options.code,
        name: &options.new,
        replaces: Some(&options.old),
        display: None,
        evidence: !options.no_evidence,
        wait: options.wait,
        pin: &options.pin,
    };
    ask(config, &wanted).await
}

/// Says what an owner has to do: only they can end a key.
pub fn revoke(config: Option<&Path>, options: &RevokeKey) -> Result<(), Failure> {
    let (_, known) = session::configuration(config)?;
    let key = keys::find(&known, &options.name)?;
    output::say(&format!("key `{}` is {}", options.name, key.id))?;
    output::say("only a directory owner can end it; tell one over the telephone, not over this machine:")?;
    output::say(&format!(
        "  countersign directory revoke {} --reason \"...\" [--compromised-since TIME] -o directory.json",
        key.id
    ))?;
    output::say("until then decisions by it count; the key itself was left as it is")
}

struct Wanted<'a> {
    code: &'a Code,
    name: &'a str,
    replaces: Option<&'a str>,
    display: Option<&'a str>,
    evidence: bool,
    wait: Option<u64>,
    pin: &'a Pin,
}

/// Everything that a claim is made of.
struct Machine {
    home: Home,
    known: Config,
    root: RootId,
    person: PersonId,
    directory: TrustedDirectory,
}

async fn ask(config: Option<&Path>, wanted: &Wanted<'_>) -> Result<(), Failure> {
    let (home, known) = session::configuration(config)?;
    let options = Options {
        ca_file: known.ca_file.clone(),
        ..Options::default()
    };
    let code = Arc::new(code_key(wanted.code)?);
    let backend = Backend::new(known.backend()?, Some(code.clone()), options)?;
    let machine = machine(home, known, &backend).await?;
    let mut record = backend.own_enrolment().await?;
    if record.person != machine.person {
        return Err(refused(format!(
            "this code is for `{}`, and this machine is `{}`'s",
            record.person, machine.person
        )));
    }
    let configured = keys::find(&machine.known, wanted.name)?.clone();
    if record.claim.is_none() {
        let (envelope, has_evidence) = claim(&machine, wanted, &configured, code.as_ref())?;
        backend.claim_enrolment(envelope).await?;
        output::say(&format!(
            "asked for key `{}`{}; an owner sees it with `countersign directory enrolments`",
            wanted.name,
            if has_evidence {
                " with evidence of its TPM"
            } else {
                ", without evidence: it will count as software"
            }
        ))?;
        record = backend.own_enrolment().await?;
    }
    let sent = sent(&record);
    if sent
        .as_ref()
        .is_none_or(|claim| claim.reviewer.id() != configured.id)
    {
        return Err(Failure::new(
            Exit::Refused,
            "this code was used for another key",
            "if that was not you, tell the owner at once; a new code is needed",
        ));
    }
    if sent.is_some_and(|claim| claim.evidence.is_some()) {
        answer(&backend, &configured, code.public_key(), wanted, record).await?;
    }
    output::say("next: the owners sign the directory; `countersign doctor` says when the key counts")
}

/// This machine under the newest directory: which keys are known in it may have changed since it was used last.
async fn machine(home: Home, known: Config, backend: &Backend) -> Result<Machine, Failure> {
    let document = backend.trust().await?;
    let mut store = TrustStore::open(&home.trust_folder())?;
    store.refresh(&document, now())?;
    let trusted = store.trusted()?;
    Ok(Machine {
        root: *trusted.root.id(),
        person: known.person()?.clone(),
        directory: trusted.directory,
        home,
        known,
    })
}

fn claim(
    machine: &Machine,
    wanted: &Wanted<'_>,
    configured: &ConfiguredKey,
    code: &key_file::FileSigner,
) -> Result<(Envelope, bool), Failure> {
    let key = console_keys::open(configured)?;
    let reviewer = key.public_key().clone();
    let mut asking = Asking::with(wanted.pin);
    let secret = asking.of_key(key.as_ref(), &format!("key `{}`", wanted.name))?;
    let evidence = match configured.provider {
        Provider::Tpm if wanted.evidence => evidence(machine, wanted.code, configured, &reviewer, &secret)?,
        _ => None,
    };
    let login = key_file::load(&machine.home.login_key())?;
    let login_id = login.public_key().id();
    let is_known =
        machine.directory.keys.iter().any(|entry| {
            entry.key.id() == login_id && entry.holder == KeyHolder::Person(machine.person.clone())
        });
    let old = match wanted.replaces {
        Some(name) => Some(old_key(machine, name, &mut asking)?),
        None => None,
    };
    let has_evidence = evidence.is_some();
    let claim = EnrolmentClaim {
        schema: CLAIM_SCHEMA.to_owned(),
        root: machine.root,
        code: code.public_key().id(),
        person: machine.person.clone(),
        display: line(wanted.display.unwrap_or(machine.person.as_str()))?,
        login: (!is_known).then(|| login.public_key().clone()),
        reviewer,
        replaces: old.as_ref().map(|old| old.public_key().id()),
        provider: line(configured.provider.word())?,
        evidence,
    };
    let bytes = canonical::to_bytes(&claim).map_err(|error| Failure::internal(error.to_string()))?;
    let unlocked = key.unlock(&secret)?;
    let mut signers: Vec<&dyn Signer> = vec![code, unlocked.as_ref()];
    if !is_known {
        signers.push(&login);
    }
    if let Some(old) = &old {
        signers.push(old.as_ref());
    }
    Ok((enrolment::sign(CLAIM_TYPE, bytes, &signers)?, has_evidence))
}

/// The key that is replaced, unlocked.
fn old_key(
    machine: &Machine,
    name: &str,
    asking: &mut Asking<'_>,
) -> Result<Box<dyn Signer + Send + Sync>, Failure> {
    let old = console_keys::open(keys::find(&machine.known, name)?)?;
    let id = old.public_key().id();
    machine
        .directory
        .key_at(&id, Role::Reviewer, now())
        .map_err(|problem| refused(problem.to_string()))?;
    let secret = asking.of_key(old.as_ref(), &format!("the old key `{name}`"))?;
    Ok(old.unlock(&secret)?)
}

fn evidence(
    machine: &Machine,
    code: &Code,
    configured: &ConfiguredKey,
    reviewer: &PublicKey,
    secret: &SecretString,
) -> Result<Option<TpmEvidence>, Failure> {
    let about = Claim {
        root: &machine.root,
        person: &machine.person,
        key: reviewer,
        challenge: &code.challenge(),
    };
    match tpm_key(configured)?.attest(secret, about.nonce().as_bytes()) {
        Ok(evidence) => Ok(Some(evidence)),
        Err(error) => {
            output::note("the TPM gives no evidence; `--no-evidence` enrols the key as software");
            Err(error.into())
        }
    }
}

fn tpm_key(configured: &ConfiguredKey) -> Result<TpmKey, Failure> {
    let at = std::env::var("COUNTERSIGN_TPM")
        .ok()
        .filter(|text| !text.is_empty());
    Ok(TpmKeys::at(at.as_deref().or(configured.at.as_deref()))?.key(&configured.id)?)
}

/// What the backend has of this code; the owner judges it, here it is only looked at.
fn sent(record: &EnrolmentRecord) -> Option<EnrolmentClaim> {
    canonical::parse(&record.claim.as_ref()?.payload).ok()
}

/// Waits for the owner's challenge and lets the TPM answer it.
async fn answer(
    backend: &Backend,
    configured: &ConfiguredKey,
    code: &PublicKey,
    wanted: &Wanted<'_>,
    mut record: EnrolmentRecord,
) -> Result<(), Failure> {
    let until = wanted
        .wait
        .map(|seconds| Instant::now() + Duration::from_secs(seconds));
    if record.activation.is_some() {
        return output::say("the owner's challenge was answered already");
    }
    loop {
        if let Some(envelope) = &record.credential {
            let credential =
                enrolment::open_credential(envelope, code).map_err(|error| refused(error.to_string()))?;
            let secret = tpm_key(configured)?.activate(&credential)?;
            let body = ActivationBody {
                secret: secret.to_vec(),
            };
            backend.activate_enrolment(&body).await?;
            return output::say("the TPM answered the owner's challenge");
        }
        match until {
            Some(until) if Instant::now() < until => tokio::time::sleep(PAUSE).await,
            _ => {
                return output::say(
                    "no owner has answered yet; run the same command again later, within 24 hours (`--wait SECONDS` waits)",
                );
            }
        }
        record = backend.own_enrolment().await?;
    }
}

fn refused(why: String) -> Failure {
    Failure::new(Exit::Refused, why, "nothing was sent")
}

fn line(text: &str) -> Result<Line, Failure> {
    Line::new(text).map_err(|error| Failure::usage(error.to_string(), ""))
}
