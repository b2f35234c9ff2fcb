//! What a person, a desktop or another process wants opened: a request, by its id or a link, or an exported file.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use countersign_console::link::{Link, NoLink};
use countersign_protocol::identity::RequestId;

/// The longest target, in bytes: that of the longest path.
pub const MAX_TARGET: usize = 4096;

/// Something to open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// A request of this console's organisation, by its id.
    Request(RequestId),
    /// A request, by a link that may name an organisation.
    Link(Link),
    /// An exported file.
    File(PathBuf),
}

impl Target {
    /// Reads a target as it is written on a command line in `folder`. What is neither an id nor a link is a file.
    ///
    /// # Errors
    /// [`NoLink`] where it means to be a link and is none.
    pub fn read(text: &OsStr, folder: &Path) -> Result<Self, NoLink> {
        let Some(known) = text.to_str() else {
            return Ok(Self::File(folder.join(text)));
        };
        if Link::is_meant(known) {
            return known.parse().map(Self::Link);
        }
        if let Ok(id) = known.parse() {
            return Ok(Self::Request(id));
        }
        let path = known
            .strip_prefix("file://")
            .map_or_else(|| text.to_owned(), decoded);
        Ok(Self::File(folder.join(path)))
    }

    /// How another process is told of it.
    pub fn into_bytes(self) -> Vec<u8> {
        match self {
            Self::Request(id) => id.to_string().into_bytes(),
            Self::Link(link) => link.to_string().into_bytes(),
            Self::File(path) => path.into_os_string().into_vec(),
        }
    }

    /// What another process told; nothing where it only wants the window.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || bytes.len() > MAX_TARGET {
            return None;
        }
        Self::read(OsStr::from_bytes(bytes), Path::new("/")).ok()
    }
}

/// The path of a `file:` address, whose percent signs stand for bytes.
fn decoded(path: &str) -> OsString {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let pair = (*first == b'%').then(|| others.get(..2)).flatten();
        let byte = pair
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match byte {
            Some(byte) => {
                bytes.push(byte);
                rest = others.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = others;
            }
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use countersign_protocol::digest::{ProposalDigest, Sha256Digest};

    use super::*;

    fn read(text: &str) -> Result<Target, NoLink> {
        Target::read(OsStr::new(text), Path::new("/home/kim"))
    }

    #[test]
    fn ids_links_and_files_are_told_apart() {
        let request = RequestId::of(&ProposalDigest::new(Sha256Digest::of(b"one")));
        assert_eq!(read(&request.to_string()), Ok(Target::Request(request)));
        let link = Link {
            request,
            organisation: None,
        };
        assert_eq!(read(&link.to_string()), Ok(Target::Link(link)));
        assert_eq!(read("countersign://approve/x"), Err(NoLink));
        assert_eq!(
            read("week.countersign"),
            Ok(Target::File("/home/kim/week.countersign".into()))
        );
        assert_eq!(
            read("file:///tmp/a%20b%c3%bc%zz"),
            Ok(Target::File("/tmp/a bü%zz".into()))
        );
    }

    #[test]
    fn another_process_tells_the_same() {
        for text in ["/tmp/a b", "countersign://request/r-1"] {
            if let Ok(target) = read(text) {
                assert_eq!(Target::from_bytes(&target.clone().into_bytes()), Some(target));
            }
        }
        assert_eq!(Target::from_bytes(b""), None);
        assert_eq!(Target::from_bytes(&[b'x'; MAX_TARGET + 1]), None);
    }
}
