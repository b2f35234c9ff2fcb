//! An exported file on disk: what is in it, as far as it can be believed.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use countersign_protocol::canonical::{self, EncodeError};
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::directory::{KeyHolder, TrustedDirectory};
use countersign_protocol::export::Export;
use countersign_protocol::identity::{RequestId, Role};
use countersign_protocol::signed::{Envelope, Signed, Verified};

use super::record::{Carried, Exported, Header, Lines, Record, Revealed, SCHEMA, line};

/// The most troubles that are kept.
const MAX_TROUBLES: usize = 64;

/// Why an exported file cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What happened.
        source: std::io::Error,
    },
    /// It is something else.
    #[error("`{}` is not an exported file: {problem}; `countersign export` makes one", path.display())]
    NotExported {
        /// The file.
        path: PathBuf,
        /// What is missing.
        problem: String,
    },
    /// It belongs to another organisation.
    #[error(
        "the file belongs to the organisation with root `{found}`, but `{pinned}` is pinned on this machine"
    )]
    OtherRoot {
        /// The root the file names.
        found: RootId,
        /// The root that is pinned here.
        pinned: RootId,
    },
    /// A request is not in it.
    #[error("request `{0}` is not in the file, or its line is damaged")]
    NoRequest(RequestId),
    /// A line cannot be written.
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

/// An exported file that was looked through once. Evidence is read again, one at a time, when it is wanted.
#[derive(Debug)]
pub struct ExportedFile {
    path: PathBuf,
    /// Whose requests these are.
    pub header: Header,
    header_digest: Sha256Digest,
    /// The requests in it.
    pub requests: Vec<Entry>,
    seal: Option<Envelope>,
    /// Decisions that were made from it.
    pub decisions: Vec<Carried>,
    /// Secrets that were revealed from it.
    pub reveals: Vec<Revealed>,
    /// What is damaged, each with its line.
    pub troubles: Vec<Trouble>,
}

/// One request in a file.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The request, as its line names it.
    pub id: RequestId,
    /// The signed request statement.
    pub request: Envelope,
    /// The SHA-256 of its line.
    pub digest: Sha256Digest,
    offset: u64,
    length: usize,
}

/// A line that is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Its number, from 1; 0 for the file as a whole.
    pub line: u64,
    /// What is wrong. May hold foreign text: show it escaped.
    pub problem: String,
}

/// What the seal says about the file.
#[derive(Debug)]
pub enum Seal {
    /// It holds: this is what was exported, and when.
    Whole(Box<Verified<Export>>),
    /// There is none: the file was cut, or is still being written.
    Missing,
    /// It is not what it should be.
    Broken(String),
}

impl ExportedFile {
    /// Looks through a file.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be read, or is no exported file. Damaged lines are troubles, not errors.
    pub fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::File {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(failed)?;
        if !file.metadata().map_err(failed)?.is_file() {
            return Err(not_exported(path, "it is not a regular file"));
        }
        let mut lines = Lines::new(BufReader::with_capacity(1 << 20, file));
        let first = lines
            .next()
            .transpose()
            .map_err(failed)?
            .ok_or_else(|| not_exported(path, "it is empty"))?;
        let header = match first.record {
            Ok(Record::Header(header)) if header.schema == SCHEMA => *header,
            Ok(Record::Header(_)) => {
                return Err(not_exported(path, &format!("this program reads `{SCHEMA}`")));
            }
            Ok(_) => return Err(not_exported(path, "its first line is no header")),
            Err(problem) => return Err(not_exported(path, &problem)),
        };
        let mut found = Self {
            path: path.to_owned(),
            header,
            header_digest: first.digest,
            requests: Vec::new(),
            seal: None,
            decisions: Vec::new(),
            reveals: Vec::new(),
            troubles: Vec::new(),
        };
        for line in lines {
            found.take(line.map_err(failed)?);
        }
        Ok(found)
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn take(&mut self, found: super::record::Found) {
        let number = found.number;
        match found.record {
            Ok(Record::Request(exported)) => {
                if self.requests.iter().any(|entry| entry.id == exported.id) {
                    self.trouble(number, format!("request `{}` is in it twice", exported.id));
                    return;
                }
                self.requests.push(Entry {
                    id: exported.id,
                    request: exported.evidence.request.envelope,
                    digest: found.digest,
                    offset: found.offset,
                    length: found.length,
                });
            }
            Ok(Record::Seal(envelope)) if self.seal.is_none() => self.seal = Some(envelope),
            Ok(Record::Decision(carried)) => {
                if !self.decisions.contains(&carried) {
                    self.decisions.push(carried);
                }
            }
            Ok(Record::Reveal(revealed)) => self.reveals.push(revealed),
            Ok(Record::Header(_) | Record::Seal(_)) => {
                self.trouble(number, "a file has one header and one seal".to_owned());
            }
            Err(problem) => self.trouble(number, problem),
        }
    }

    fn trouble(&mut self, line: u64, problem: String) {
        if self.troubles.len() < MAX_TROUBLES {
            self.troubles.push(Trouble { line, problem });
        }
    }

    /// What the seal says, by the keys of a verified directory.
    #[must_use]
    pub fn seal(&self, directory: &TrustedDirectory) -> Seal {
        let Some(envelope) = &self.seal else {
            return Seal::Missing;
        };
        let export = match Signed::<Export>::from(envelope.clone()).verify(directory) {
            Ok(export) => export,
            Err(error) => return Seal::Broken(error.to_string()),
        };
        let signer = export.signer().and_then(|signer| {
            let key = directory.key_at(&signer, Role::Login, export.exported_at).ok()?;
            Some(key.holder == KeyHolder::Person(export.exported_by.clone()))
        });
        if signer != Some(true) {
            return Seal::Broken("it is not signed by a login key of the person it names".to_owned());
        }
        if export.root != self.header.root || export.trust != self.header_digest {
            return Seal::Broken("it belongs to another file".to_owned());
        }
        Seal::Whole(Box::new(export))
    }

    /// What a valid seal has against the requests in the file: changed, put in later, or left out.
    #[must_use]
    pub fn against(&self, export: &Export) -> Vec<Trouble> {
        let present: BTreeSet<RequestId> = self.requests.iter().map(|entry| entry.id).collect();
        let changed = self
            .requests
            .iter()
            .filter(|entry| export.requests.get(&entry.id) != Some(&entry.digest));
        let changed =
            changed.map(|entry| format!("request `{}` is not as it was when it was exported", entry.id));
        let missing = export.requests.keys().filter(|id| !present.contains(id));
        let missing =
            missing.map(|id| format!("request `{id}` was exported, but is damaged or gone from the file"));
        changed
            .chain(missing)
            .map(|problem| Trouble { line: 0, problem })
            .collect()
    }

    /// Reads the evidence of one request again.
    ///
    /// # Errors
    /// [`FileError`] when the file has changed meanwhile or does not hold it.
    pub fn request(&self, id: RequestId) -> Result<Exported, FileError> {
        let entry = self
            .requests
            .iter()
            .find(|entry| entry.id == id)
            .ok_or(FileError::NoRequest(id))?;
        let failed = |source| FileError::File {
            path: self.path.clone(),
            source,
        };
        let mut file = File::open(&self.path).map_err(failed)?;
        file.seek(SeekFrom::Start(entry.offset)).map_err(failed)?;
        let mut bytes = vec![0; entry.length];
        file.read_exact(&mut bytes).map_err(failed)?;
        if Sha256Digest::of(&bytes) != entry.digest {
            return Err(FileError::NoRequest(id));
        }
        match canonical::parse_within(&bytes, entry.length) {
            Ok(Record::Request(exported)) => Ok(*exported),
            Ok(_) | Err(_) => Err(FileError::NoRequest(id)),
        }
    }
}

/// Makes a file for decisions alone: it has a header and no requests.
///
/// # Errors
/// [`FileError`] when it cannot be written.
pub fn create(path: &Path, header: &Header) -> Result<(), FileError> {
    let bytes = line(&Record::Header(Box::new(header.clone())))?;
    countersign_client::durable::replace(path, &bytes).map_err(|source| FileError::File {
        path: path.to_owned(),
        source,
    })
}

/// Appends a decision to a file, durably. A line that was cut before is ended first, so that it takes nothing
/// with it.
///
/// # Errors
/// [`FileError`] when it cannot be written; what was there stays.
pub fn append(path: &Path, record: &Record) -> Result<(), FileError> {
    let failed = |source| FileError::File {
        path: path.to_owned(),
        source,
    };
    let mut bytes = line(record)?;
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .open(path)
        .map_err(failed)?;
    file.lock().map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length > 0 {
        file.seek(SeekFrom::End(-1)).map_err(failed)?;
        let mut last = [0];
        file.read_exact(&mut last).map_err(failed)?;
        if last != *b"\n" {
            bytes.insert(0, b'\n');
        }
    }
    // One write: another program sees all of the line or nothing.
    file.write_all(&bytes).map_err(failed)?;
    file.sync_all().map_err(failed)
}

fn not_exported(path: &Path, problem: &str) -> FileError {
    FileError::NotExported {
        path: path.to_owned(),
        problem: problem.to_owned(),
    }
}
