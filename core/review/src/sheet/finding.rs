//! A finding as it stands on a sheet and in evidence: words, without the rule that found it.
//!
//! Evidence carries the findings of its request, so that a program whose rules are newer can still build the sheet
//! that was signed. It then says that it has not found them itself.

use countersign_protocol::approval::Severity as Level;
use countersign_protocol::canonical::{self, EncodeError, ParseError};
use serde::{Deserialize, Serialize};

use crate::findings::{Delta, Finding, Severity, Side};
use crate::text::Untrusted;

/// One finding, in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recorded {
    /// The stable name of the rule.
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What the rule is about.
    pub title: String,
    /// One sentence with the values of this change.
    pub explanation: String,
    /// Which side `path` and `line` speak of.
    pub side: Side,
    /// The place in the document.
    pub path: Untrusted,
    /// The line of the place.
    pub line: Option<u32>,
    /// Where to read more.
    pub reference: Option<String>,
    /// Names of like rules in other tools.
    pub peers: Vec<String>,
    /// What the change does to it.
    pub delta: Delta,
    /// Whether it raises the severity of the change.
    pub counts: bool,
}

impl From<&Finding> for Recorded {
    fn from(finding: &Finding) -> Self {
        Self {
            id: finding.rule.as_str().to_owned(),
            severity: finding.severity,
            title: finding.title.clone(),
            explanation: finding.explanation.clone(),
            side: finding.side,
            path: finding.path.clone(),
            line: finding.line,
            reference: finding.reference.clone(),
            peers: finding.peers.clone(),
            delta: finding.delta,
            counts: finding.counts(),
        }
    }
}

impl Recorded {
    /// How bad it is, as policies and sheets count.
    #[must_use]
    pub fn level(&self) -> Level {
        Level::from_level(i64::from(self.severity.number()))
    }
}

/// The findings of a request as one document: what the findings' digest is the digest of.
///
/// # Errors
/// [`EncodeError`] cannot happen for findings of this program.
pub fn record(findings: &[Finding]) -> Result<Vec<u8>, EncodeError> {
    let recorded: Vec<Recorded> = findings.iter().map(Recorded::from).collect();
    canonical::to_bytes(&recorded)
}

/// Reads the findings of a request.
///
/// # Errors
/// [`ParseError`] names the place that is refused.
pub fn read(bytes: &[u8]) -> Result<Vec<Recorded>, ParseError> {
    canonical::parse(bytes)
}
