//! The lines of an exported file.

use std::io::{BufRead, Read as _};

use countersign_protocol::api::TrustDocument;
use countersign_protocol::bundle::{Evidence, MAX_BUNDLE_BYTES};
use countersign_protocol::canonical::{self, EncodeError};
use countersign_protocol::digest::{RootId, Sha256Digest};
use countersign_protocol::identity::RequestId;
use countersign_protocol::moment::Timestamp;
use countersign_protocol::reveal::Reveal;
use countersign_protocol::signed::Envelope;
use serde::{Deserialize, Serialize};

/// The schema name of an exported file.
pub const SCHEMA: &str = "countersign/offline/v1";
/// The longest line that is read, in bytes: a request with its evidence, and room for the braces around it.
pub const MAX_LINE_BYTES: usize = MAX_BUNDLE_BYTES + 4096;
/// The most lines that are read.
pub const MAX_LINES: u64 = 100_000;

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Record {
    /// The first: whose requests these are.
    Header(Box<Header>),
    /// A request.
    Request(Box<Exported>),
    /// After the requests: what was exported, signed. A [`countersign_protocol::export::Export`].
    Seal(Envelope),
    /// A decision that a reviewer made from this file.
    Decision(Carried),
    /// A reviewer had secrets of a request in this file revealed. Nobody signed it; the decision says so too.
    Reveal(Revealed),
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`SCHEMA`].
    pub schema: String,
    /// The organisation.
    pub root: RootId,
    /// Root, directory and policy at the time of the export.
    pub trust: TrustDocument,
}

/// A request with all that is needed to review it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exported {
    /// The request.
    pub id: RequestId,
    /// The chain as far as it went.
    pub evidence: Evidence,
}

/// A decision on its way back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Carried {
    /// The request it answers.
    pub request: RequestId,
    /// When it was signed, by the reviewer's clock.
    pub signed_at: Timestamp,
    /// The signed decision.
    pub envelope: Envelope,
}

/// That secrets were revealed where no backend could record it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revealed {
    /// Of which request.
    pub request: RequestId,
    /// Who, when, why, what.
    pub reveal: Reveal,
}

/// A line as it was found.
#[derive(Debug)]
pub struct Found {
    /// Its number, from 1.
    pub number: u64,
    /// Where it begins, in bytes.
    pub offset: u64,
    /// Its length without the line end, in bytes.
    pub length: usize,
    /// The SHA-256 of its bytes without the line end.
    pub digest: Sha256Digest,
    /// What it says, or why that cannot be told.
    pub record: Result<Record, String>,
}

/// The line for a record, with its line end.
///
/// # Errors
/// [`EncodeError`] when it cannot be written as JSON.
pub fn line(record: &Record) -> Result<Vec<u8>, EncodeError> {
    let mut bytes = canonical::to_bytes(record)?;
    bytes.push(b'\n');
    Ok(bytes)
}

/// Reads lines one after the other. What is too long or no record is told and passed over; only the reader's own
/// errors end it early.
#[derive(Debug)]
pub struct Lines<R> {
    reader: R,
    number: u64,
    offset: u64,
    longest: usize,
}

impl<R: BufRead> Lines<R> {
    /// Lines of a reader that stands at the beginning of a file.
    pub const fn new(reader: R) -> Self {
        Self::within(reader, MAX_LINE_BYTES)
    }

    const fn within(reader: R, longest: usize) -> Self {
        Self {
            reader,
            number: 0,
            offset: 0,
            longest,
        }
    }

    fn next_line(&mut self) -> std::io::Result<Option<Found>> {
        let mut bytes = Vec::new();
        let most = u64::try_from(self.longest).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut self.reader).take(most).read_until(b'\n', &mut bytes)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let offset = self.offset;
        self.offset += read as u64;
        let whole = bytes.last() == Some(&b'\n');
        let too_long = !whole && read as u64 == most;
        if too_long {
            self.offset += skip_line(&mut self.reader)?;
        }
        if whole {
            bytes.pop();
        }
        let record = if too_long {
            Err(format!("it is longer than {} bytes", self.longest))
        } else {
            canonical::parse_within(&bytes, self.longest).map_err(|error| {
                let cut = if whole { "" } else { "; the file was cut here" };
                format!("{error}{cut}")
            })
        };
        Ok(Some(Found {
            number: self.number,
            offset,
            length: bytes.len(),
            digest: Sha256Digest::of(&bytes),
            record,
        }))
    }
}

impl<R: BufRead> Iterator for Lines<R> {
    type Item = std::io::Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.number >= MAX_LINES {
            return None;
        }
        self.next_line().transpose()
    }
}

/// Passes over the rest of a line without keeping it; how many bytes that were.
fn skip_line(reader: &mut impl BufRead) -> std::io::Result<u64> {
    let mut skipped = 0;
    loop {
        let available = reader.fill_buf()?;
        if available.is_empty() {
            return Ok(skipped);
        }
        let end = available.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(available.len(), |end| end + 1);
        reader.consume(used);
        skipped += used as u64;
        if end.is_some() {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_protocol::digest::ProposalDigest;
    use proptest::prelude::*;

    fn carried(byte: u8) -> Record {
        Record::Decision(Carried {
            request: RequestId::of(&ProposalDigest::new(Sha256Digest::of(&[byte]))),
            signed_at: Timestamp::from_millis(5),
            envelope: Envelope {
                payload_type: "t".to_owned(),
                payload: vec![byte],
                signatures: vec![],
            },
        })
    }

    fn read(bytes: &[u8], longest: usize) -> Vec<Found> {
        Lines::within(bytes, longest).collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn damage_hits_only_the_line_it_is_in() {
        let lines: Vec<Vec<u8>> = (0..3).map(|byte| line(&carried(byte)).unwrap()).collect();
        let mut bytes = lines.concat();
        bytes[lines[0].len() + 5] = b'\0';
        let found = read(&bytes, MAX_LINE_BYTES);
        assert_eq!(found.len(), 3);
        assert_eq!(found[0].record.as_ref().unwrap(), &carried(0));
        assert!(found[1].record.is_err());
        assert_eq!(found[2].record.as_ref().unwrap(), &carried(2));
        assert_eq!(found[2].offset as usize, lines[0].len() + lines[1].len());
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over_without_being_kept() {
        let mut bytes = vec![b'x'; 5000];
        bytes.push(b'\n');
        let second = bytes.len() as u64;
        bytes.extend(line(&carried(1)).unwrap());
        let found = read(&bytes, 600);
        assert_eq!(found.len(), 2);
        assert!(found[0].record.as_ref().unwrap_err().contains("longer"));
        assert_eq!((found[1].number, found[1].offset), (2, second));
        assert_eq!(found[1].record.as_ref().unwrap(), &carried(1));
    }

    proptest! {
        #[test]
        fn a_cut_anywhere_keeps_every_line_before_it(cut in 0_usize..1000) {
            let lines: Vec<Vec<u8>> = (0..4).map(|byte| line(&carried(byte)).unwrap()).collect();
            let whole = lines.concat();
            let cut = cut % whole.len();
            let found = read(&whole[..cut], MAX_LINE_BYTES);
            let mut end = 0;
            let kept = lines.iter().filter(|line| { end += line.len(); end <= cut + 1 }).count();
            let good = found.iter().filter(|found| found.record.is_ok()).count();
            prop_assert_eq!(good, kept);
        }

        #[test]
        fn hostile_bytes_end_in_lines_not_in_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let found = read(&bytes, 64);
            prop_assert!(found.iter().all(|found| found.record.is_err()));
        }
    }
}
