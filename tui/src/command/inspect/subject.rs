//! What is inspected: two states of a document, or an action with the bytes that it names.
//!
//! An action stands in a JSON document: `{"action": …, "artifacts": {digest: base64}}`, or the action alone.
//! Artifacts that are not in it are looked for beside it, in files named by their digests.

use std::collections::BTreeMap;
use std::path::Path;

use countersign_protocol::action::{Action, ArtifactRef, Payload};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::canonical;
use countersign_protocol::digest::ArtifactDigest;
use countersign_protocol::kind::Kind;
use countersign_protocol::mask::MaskKey;
use countersign_review::diff::structure::{self, Structure};
use countersign_review::diff::text::{Bytes, TextDiff, TooLarge};
use countersign_review::drift::{Drift, State, drift};
use countersign_review::findings::{self, Finding};
use countersign_review::secret::Masks;
use countersign_review::sheet::preview::{Preview, documents};
use countersign_review::sheet::{Sheet, SheetError};
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::super::failure::{Code, Failure};
use super::super::file;
use super::kind::kind_of;
use crate::cli::Inspect;

/// What is inspected.
pub struct Subject {
    /// What sort of change it is.
    pub kind: Kind,
    /// Its documents.
    pub documents: Vec<Document>,
    /// The action, where it is one.
    pub action: Option<Asked>,
    /// The document that was approved last, where one is named.
    baseline: Option<Vec<u8>>,
}

/// A document before and after.
pub struct Document {
    /// What it is called.
    pub title: Vec<u8>,
    /// The state before, where there was one.
    pub before: Option<Bytes>,
    /// The state after, where there is one.
    pub after: Option<Bytes>,
}

/// An action with its artifacts.
pub struct Asked {
    /// What would run.
    pub action: Action,
    artifacts: BTreeMap<ArtifactDigest, Artifact>,
}

/// A file that holds an action.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionFile {
    action: Action,
    #[serde(default)]
    artifacts: BTreeMap<ArtifactDigest, Artifact>,
}

impl Subject {
    /// Reads what the command line names.
    pub fn read(options: &Inspect) -> Result<Self, Failure> {
        let baseline = options.baseline.as_deref().map(file::read).transpose()?;
        let subject = Self::read_change(options)?;
        if baseline.is_some() && subject.documents.len() != 1 {
            return Err(Failure::usage(
                "`--baseline` goes with one document, and this action has another number of them",
                "leave `--baseline` out",
            ));
        }
        Ok(Self { baseline, ..subject })
    }

    fn read_change(options: &Inspect) -> Result<Self, Failure> {
        let named = options.kind.as_deref();
        if let Some(path) = &options.file {
            let bytes = file::read(path)?;
            if is_action(&bytes) {
                return Self::of_action(path, &bytes, named);
            }
            return Self::of_document(path, None, bytes, named);
        }
        let before = options.before.as_deref().map(file::read).transpose()?;
        let Some(path) = &options.after else {
            return Err(Failure::usage(
                "nothing is named that could be inspected",
                "name a file of an action, or `--after FILE` and perhaps `--before FILE`",
            ));
        };
        Self::of_document(path, before, file::read(path)?, named)
    }

    fn of_document(
        path: &Path,
        before: Option<Vec<u8>>,
        after: Vec<u8>,
        named: Option<&str>,
    ) -> Result<Self, Failure> {
        use std::os::unix::ffi::OsStrExt as _;
        Ok(Self {
            kind: kind_of(named, &after)?,
            documents: vec![Document {
                title: path.as_os_str().as_bytes().to_owned(),
                before: before.map(Bytes::from),
                after: Some(after.into()),
            }],
            action: None,
            baseline: None,
        })
    }

    fn of_action(path: &Path, bytes: &[u8], named: Option<&str>) -> Result<Self, Failure> {
        let ActionFile {
            action,
            mut artifacts,
        } = read_action(path, bytes)?;
        if named.is_some() && kind_of(named, b"")? != action.kind {
            return Err(Failure::usage(
                format!("the action is of kind `{}`", action.kind),
                "leave `--kind` out",
            ));
        }
        for artifact in action.artifacts() {
            if let std::collections::btree_map::Entry::Vacant(place) = artifacts.entry(artifact.digest) {
                place.insert(Artifact(beside(path, &artifact)?));
            }
        }
        let told = |error: SheetError| Failure::new(Code::Refused, error.to_string(), "");
        let documents = documents(&action.payload, &artifacts).map_err(told)?;
        let documents = documents.into_iter().map(|sides| Document {
            title: sides.title.to_owned(),
            before: sides.before.map(Bytes::from),
            after: sides.after.map(Bytes::from),
        });
        Ok(Self {
            kind: action.kind,
            documents: documents.collect(),
            action: Some(Asked { action, artifacts }),
            baseline: None,
        })
    }

    /// How the approved, the live and the proposed document lie to each other; nothing where no approved one is named.
    pub fn drift(&self) -> Option<Drift> {
        let (baseline, document) = (self.baseline.as_deref()?, self.documents.first()?);
        let [live, proposed] = [&document.before, &document.after]
            .map(|side| side.as_deref().map_or(State::Absent, State::Bytes));
        Some(drift(self.kind.id(), State::Bytes(baseline), live, proposed))
    }

    /// The findings, as guard and backend would compute them; with drift, what that tells too.
    pub fn findings(&self, drift: Option<&Drift>) -> Result<Vec<Finding>, Failure> {
        let found = match &self.action {
            Some(asked) => {
                let told = |error: countersign_verify::judge::JudgeError| {
                    Failure::new(Code::Refused, error.to_string(), "")
                };
                countersign_verify::judge::find_in(&asked.action, &asked.artifacts).map_err(told)?
            }
            None => {
                let found = self.documents.iter().flat_map(|document| {
                    let after = document.after.as_deref().unwrap_or_default();
                    findings::analyze(self.kind.id(), document.before.as_deref(), after)
                });
                found.collect()
            }
        };
        Ok(match drift {
            Some(drift) => findings::with_drift(found, drift),
            None => found,
        })
    }

    /// The masks of all that is shown, under a key of this run; none where secrets are to be revealed.
    pub fn masks(&self, reveal: bool) -> Result<Masks, Failure> {
        if reveal {
            return Ok(Masks::off());
        }
        let mut key = [0; 32];
        getrandom::fill(&mut key)
            .map_err(|error| Failure::internal(format!("the system gives no randomness: {error}")))?;
        let key = Some(MaskKey::from_random(key));
        if let Some(asked) = &self.action {
            return Ok(Masks::of_actions(&[&asked.action], &asked.artifacts, key));
        }
        let sides = self
            .documents
            .iter()
            .flat_map(|document| [&document.before, &document.after]);
        let baseline = self.baseline.as_deref().map(Bytes::from);
        let all = baseline.into_iter().chain(sides.flatten().cloned());
        Ok(Masks::of_shared(self.kind.id(), key, all))
    }

    /// What a reviewer would read: deterministic, and the same on every surface.
    pub fn sheet(&self, findings: &[Finding]) -> Result<Sheet, SheetError> {
        match (&self.action, self.documents.first()) {
            (Some(asked), _) => {
                let (action, artifacts) = (&asked.action, &asked.artifacts);
                Sheet::preview(Preview::Action { action, artifacts }, findings)
            }
            (None, document) => {
                let before = document.and_then(|document| document.before.as_deref());
                let after = document.and_then(|document| document.after.as_deref());
                let kind = self.kind;
                Sheet::preview(Preview::Document { kind, before, after }, findings)
            }
        }
    }

    /// Why no guard would run the action, where that is so.
    pub fn refused(&self) -> Option<String> {
        Some(self.action.as_ref()?.action.check().err()?.to_string())
    }

    /// What may hold suspicious text besides the documents: what a process is given.
    pub fn words(&self) -> Vec<u8> {
        let Some(Payload::Exec(exec)) = self.action.as_ref().map(|asked| &asked.action.payload) else {
            return Vec::new();
        };
        let variables = exec
            .env
            .iter()
            .flat_map(|variable| [&variable.name, &variable.value]);
        let words = [&exec.binary, &exec.cwd]
            .into_iter()
            .chain(&exec.argv)
            .chain(variables);
        words
            .flat_map(|word| word.as_bytes().iter().chain(b"\n"))
            .copied()
            .collect()
    }
}

impl Document {
    /// The difference by lines.
    pub fn difference(&self) -> Result<TextDiff, TooLarge> {
        let side = |side: &Option<Bytes>| side.clone().unwrap_or_default();
        TextDiff::new(side(&self.before), side(&self.after))
    }

    /// The difference by paths and values.
    pub fn structure(&self, kind: Kind) -> Structure {
        structure::compare(kind.id(), self.before.as_deref(), self.after.as_deref())
    }
}

/// Whether a document means to be an action. One that is broken is then told to be, not shown as something else.
fn is_action(bytes: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Looks {
        action: Option<IgnoredAny>,
        kind: Option<IgnoredAny>,
        payload: Option<IgnoredAny>,
    }
    serde_json::from_slice(bytes)
        .is_ok_and(|looks: Looks| looks.action.is_some() || (looks.kind.is_some() && looks.payload.is_some()))
}

fn read_action(path: &Path, bytes: &[u8]) -> Result<ActionFile, Failure> {
    let whole = match canonical::parse_within(bytes, bytes.len()) {
        Ok(file) => return Ok(file),
        Err(error) => error,
    };
    let alone = canonical::parse_within(bytes, bytes.len());
    alone
        .map(|action| ActionFile {
            action,
            artifacts: BTreeMap::new(),
        })
        .map_err(|error| {
            let enclosed = memchr::memmem::find(bytes, b"\"payload\"").is_none_or(|at| {
                memchr::memmem::find(bytes, b"\"action\"").is_some_and(|action| action < at)
            });
            let error = if enclosed { whole } else { error };
            Failure::usage(
                format!("`{}` is no action: {error}", path.display()),
                "a document that is no action is inspected with `--after`",
            )
        })
}

/// An artifact from a file beside the action, named by its digest.
fn beside(path: &Path, artifact: &ArtifactRef) -> Result<Vec<u8>, Failure> {
    let name = artifact.digest.to_string();
    let found = path.with_file_name(&name);
    if !found.exists() {
        return Err(Failure::new(
            Code::NotFound,
            format!("the artifact `{name}` of {} bytes is not there", artifact.length),
            "put it into `artifacts` of the document in base64, or beside it in a file of that name",
        ));
    }
    file::read(&found)
}
