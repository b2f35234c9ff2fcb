//! Requests as they were seen last, kept for when the backend is gone.
//!
//! A copy is only ever shown as one, with its age, and is judged again each time by what is pinned and the clock:
//! it can be as old as it is, but not other than it was. It holds what the backend showed, and nothing secret of
//! this machine. Losing it loses nothing: it is bounded, and older copies make room for newer ones.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use countersign_client::durable;
use countersign_protocol::api::RequestRecord;
use countersign_protocol::canonical;
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use serde::{Deserialize, Serialize};

/// The schema name of a copy.
const SCHEMA: &str = "countersign/kept-request/v1";
/// The most copies that are kept.
const MAX_COPIES: usize = 200;
/// The most bytes of copies that are kept.
const MAX_BYTES: u64 = 256 * 1024 * 1024;

/// A request as it was seen last.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Copy {
    schema: String,
    /// The request.
    pub id: RequestId,
    /// When the backend showed it.
    pub as_of: Timestamp,
    /// What it showed.
    pub record: RequestRecord,
}

/// A copy as it is written, from a record that others read at the same time.
#[derive(Serialize)]
struct Kept<'a> {
    schema: &'static str,
    id: RequestId,
    as_of: Timestamp,
    record: &'a RequestRecord,
}

/// The copies of a home.
#[derive(Debug, Clone)]
pub struct Copies {
    folder: PathBuf,
}

impl Copies {
    /// The copies in a folder, which is made with the first one.
    #[must_use]
    pub const fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Keeps what the backend showed. Older copies make room.
    ///
    /// # Errors
    /// The error of the file system; nothing is lost but the copy.
    pub fn keep(&self, id: RequestId, record: &RequestRecord, as_of: Timestamp) -> std::io::Result<()> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let bytes = serde_json::to_vec(&Kept {
            schema: SCHEMA,
            id,
            as_of,
            record,
        })?;
        durable::replace(&self.path(id), &bytes)?;
        self.make_room()
    }

    /// The copy of one request. One that cannot be read is no copy.
    #[must_use]
    pub fn copy(&self, id: RequestId) -> Option<Copy> {
        read(&self.path(id))
    }

    /// All copies, newest first.
    #[must_use]
    pub fn all(&self) -> Vec<Copy> {
        let mut copies: Vec<Copy> = self
            .files()
            .unwrap_or_default()
            .iter()
            .filter_map(|file| read(&file.path))
            .collect();
        copies.sort_by_key(|copy| std::cmp::Reverse(copy.as_of));
        copies
    }

    fn path(&self, id: RequestId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn files(&self) -> std::io::Result<Vec<KeptFile>> {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&self.folder)? {
            let entry = entry?;
            let about = entry.metadata()?;
            let path = entry.path();
            if path.extension().is_some_and(|ending| ending == "json") {
                files.push(KeptFile {
                    written: about.modified()?,
                    bytes: about.len(),
                    path,
                });
            }
        }
        files.sort_by_key(|file| std::cmp::Reverse(file.written));
        Ok(files)
    }

    fn make_room(&self) -> std::io::Result<()> {
        let mut bytes = 0;
        for (newer, file) in self.files()?.into_iter().enumerate() {
            bytes += file.bytes;
            if newer >= MAX_COPIES || bytes > MAX_BYTES {
                std::fs::remove_file(file.path)?;
            }
        }
        Ok(())
    }
}

struct KeptFile {
    written: SystemTime,
    bytes: u64,
    path: PathBuf,
}

fn read(path: &Path) -> Option<Copy> {
    let bytes = std::fs::read(path).ok()?;
    let copy: Copy = canonical::parse_within(&bytes, bytes.len()).ok()?;
    (copy.schema == SCHEMA).then_some(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_no_copy() {
        let folder = tempfile::tempdir().unwrap();
        let copies = Copies::new(folder.path().join("copies"));
        let id: RequestId = RequestId::of(&countersign_protocol::digest::ProposalDigest::new(
            countersign_protocol::digest::Sha256Digest::of(b"p"),
        ));
        assert_eq!(copies.copy(id), None);
        assert!(copies.all().is_empty());
        std::fs::create_dir_all(folder.path().join("copies")).unwrap();
        std::fs::write(copies.path(id), b"{\"schema\":\"x\"}").unwrap();
        assert_eq!(copies.copy(id), None);
        assert!(copies.all().is_empty());
    }
}
