//! The sheet: the deterministic document that a reviewer reads and a signature covers.
//!
//! Every field of the request, the proposal and the action stands on it, every changed hunk with three lines of
//! context, creations and removals whole, every finding, every row of drift, and the length and digest of each artifact. Its text is
//! printable characters and line feeds only; its SHA-256 is the view digest. Nothing in it depends on the clock,
//! the locale, a width, a colour, a surface or a path of the viewer. What cannot be rendered whole cannot be
//! signed: building fails instead of leaving something out.
//!
//! Secrets are masked ([`crate::secret`]): the mask is the shown form and part of the signed text. Sheets of the
//! form before masks are still built, so that what was signed over them verifies.
//!
//! Fields are taken from their structs without `..`, so that a new field does not compile until it is shown.

pub mod amended;
mod change;
pub mod drift;
pub mod finding;
mod header;
pub mod preview;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use countersign_protocol::action::ArtifactRef;
use countersign_protocol::approval::{ApprovalRequest, Severity};
use countersign_protocol::bundle::Artifact;
use countersign_protocol::digest::{ArtifactDigest, Sha256Digest, ViewDigest};
use countersign_protocol::proposal::Proposal;
use countersign_protocol::signed::Verified;

use crate::diff::text::{TextDiff, TooLarge};
use crate::drift::Standing;
use crate::findings::Finding;
use crate::secret::{Covers, Masks};
use crate::sheet::finding::Recorded;
use crate::text::Untrusted;

/// The version of the sheet's form; it stands in every request.
pub const SHEET_VERSION: &str = "countersign/sheet/v2";
/// The form before: the same without masks. It is still verified, never made.
pub const EARLIER_SHEET_VERSION: &str = "countersign/sheet/v1";
/// A longer sheet is not read, it is skimmed: it is refused.
pub const MAX_SHEET_BYTES: usize = 16 * 1024 * 1024;

/// What a line of the sheet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineRole {
    /// The title of a part.
    Heading,
    /// A label and its value.
    Field,
    /// A value that the agent claims.
    Claim,
    /// Where a hunk begins.
    Hunk,
    /// An unchanged line.
    Context,
    /// A line that goes.
    Removed,
    /// A line that comes.
    Added,
    /// A finding that counts, by how bad it is.
    Finding(Severity),
    /// A finding that does not count: it was there before, or is gone.
    FindingBeside,
    /// A path on which the last approved, the live and the proposed state are not the same.
    Drift(Standing),
    /// Nothing.
    Blank,
}

/// One line of the sheet, printable as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetLine {
    /// What it is.
    pub role: LineRole,
    /// Its text.
    pub text: String,
}

/// The sheet.
#[derive(Debug, Clone)]
pub struct Sheet {
    lines: Arc<[SheetLine]>,
    text: String,
    sentence: String,
    view_digest: ViewDigest,
    masks: Arc<Masks>,
    documents: Vec<ShownDocument>,
}

/// A document that changes, as it is shown: compared and searched for secrets once, for all who show it.
#[derive(Clone)]
pub struct ShownDocument {
    /// The exact difference of its states; one that does not exist is empty here.
    pub diff: Arc<TextDiff>,
    /// What of it is masked.
    pub covers: Arc<Covers>,
}

/// Prints nothing of the document: it is not masked.
impl fmt::Debug for ShownDocument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownDocument")
            .field("changes", &self.diff.changes().len())
            .finish_non_exhaustive()
    }
}

/// Why there is no sheet, and nothing can be signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SheetError {
    /// An artifact is not there.
    #[error("artifact `{0}` is missing, so the change cannot be shown; nothing can be signed")]
    Missing(ArtifactDigest),
    /// An artifact is not what it is named.
    #[error("artifact `{0}` holds other bytes than it is named for; nothing can be signed")]
    Different(ArtifactDigest),
    /// The record of drift is not there, or there though the request names none.
    #[error("the record of drift does not belong to the request; nothing can be signed")]
    Drift,
    /// A side cannot be compared exactly.
    #[error("the change cannot be shown exactly: {0}")]
    Diff(#[from] TooLarge),
    /// The sheet would be too long.
    #[error("the sheet has more than {MAX_SHEET_BYTES} bytes: too much to review; split the change")]
    TooLong,
    /// The request was made for another form of sheet.
    #[error("the request was made for sheet `{0}`; this program shows `{SHEET_VERSION}`")]
    OtherVersion(String),
}

impl Sheet {
    /// Builds the sheet.
    ///
    /// # Errors
    /// [`SheetError`] when anything cannot be shown whole.
    pub fn build(
        proposal: &Verified<Proposal>,
        request: &Verified<ApprovalRequest>,
        findings: &[Finding],
        drift: Option<&drift::Record>,
        artifacts: &BTreeMap<ArtifactDigest, Artifact>,
    ) -> Result<Self, SheetError> {
        let recorded: Vec<Recorded> = findings.iter().map(Recorded::from).collect();
        Self::build_recorded(proposal, request, &recorded, drift, artifacts)
    }

    /// Builds the sheet from findings in words: those of a request that was made with other rules.
    ///
    /// # Errors
    /// [`SheetError`] when anything cannot be shown whole.
    pub fn build_recorded(
        proposal: &Verified<Proposal>,
        request: &Verified<ApprovalRequest>,
        findings: &[Recorded],
        drift: Option<&drift::Record>,
        artifacts: &BTreeMap<ArtifactDigest, Artifact>,
    ) -> Result<Self, SheetError> {
        ShownChange::of(proposal, request, artifacts)?.into_sheet(findings, drift)
    }

    fn mask(&mut self, masks: Masks) {
        for document in &mut self.documents {
            document.covers = Arc::new(Covers::new(&masks, &document.diff));
        }
        self.masks = Arc::new(masks);
    }

    /// The whole text: what the view digest is the digest of.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The lines of the text, with what each is.
    #[must_use]
    pub const fn lines(&self) -> &Arc<[SheetLine]> {
        &self.lines
    }

    /// The documents that change, in the order in which they stand on the sheet.
    #[must_use]
    pub fn documents(&self) -> &[ShownDocument] {
        &self.documents
    }

    /// What is masked wherever the request is shown.
    #[must_use]
    pub const fn masks(&self) -> &Arc<Masks> {
        &self.masks
    }

    /// Who wants what, where, why and until when, in one sentence.
    #[must_use]
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The digest that decisions bind.
    #[must_use]
    pub const fn view_digest(&self) -> ViewDigest {
        self.view_digest
    }

    /// The six words to compare two screens by.
    #[must_use]
    pub fn check_code(&self) -> String {
        crate::checkcode::phrase(self.view_digest().sha256().as_bytes())
    }
}

/// What of a sheet depends on neither findings nor drift: it can be drawn while those are looked for.
pub struct ShownChange<'a> {
    proposal: &'a Verified<Proposal>,
    request: &'a Verified<ApprovalRequest>,
    artifacts: &'a BTreeMap<ArtifactDigest, Artifact>,
    page: Page,
}

/// Prints nothing of the artifacts: they are not masked.
impl fmt::Debug for ShownChange<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownChange")
            .field("lines", &self.page.lines.len())
            .finish_non_exhaustive()
    }
}

impl<'a> ShownChange<'a> {
    /// Draws it.
    ///
    /// # Errors
    /// [`SheetError`] when anything cannot be shown whole.
    pub fn of(
        proposal: &'a Verified<Proposal>,
        request: &'a Verified<ApprovalRequest>,
        artifacts: &'a BTreeMap<ArtifactDigest, Artifact>,
    ) -> Result<Self, SheetError> {
        let masks = match request.sheet.raw() {
            SHEET_VERSION => Masks::of_request(request, proposal, artifacts),
            EARLIER_SHEET_VERSION => Masks::off(),
            other => return Err(SheetError::OtherVersion(Untrusted::from(other).escaped())),
        };
        let mut page = Page::new(Arc::new(masks));
        change::payload(&mut page, &proposal.action.payload, &Shelf(artifacts))?;
        Ok(Self {
            proposal,
            request,
            artifacts,
            page,
        })
    }

    /// Builds the sheet around it.
    ///
    /// # Errors
    /// [`SheetError`] when anything cannot be shown whole.
    pub fn into_sheet(
        self,
        findings: &[Recorded],
        drift: Option<&drift::Record>,
    ) -> Result<Sheet, SheetError> {
        let (request, proposal, version) = (self.request, self.proposal, self.request.sheet.raw());
        let named = drift.map(drift::Record::to_bytes).transpose();
        if named
            .map_err(|_| SheetError::Drift)?
            .as_deref()
            .map(ArtifactDigest::of)
            != request.drift
        {
            return Err(SheetError::Drift);
        }
        let sentence = header::sentence(proposal, request, &self.page.masks);
        let mut page = Page::new(Arc::clone(&self.page.masks));
        page.heading(version);
        page.push(LineRole::Field, sentence.clone())?;
        header::request(&mut page, request)?;
        if version == SHEET_VERSION {
            header::secrets(&mut page, request)?;
        }
        header::approval_rule(&mut page, &request.rule)?;
        list_findings(&mut page, findings)?;
        drift::section(&mut page, request, drift)?;
        page.append(self.page)?;
        header::proposal(&mut page, proposal)?;
        header::bindings(&mut page, request)?;
        let mut sheet = page.finish(sentence);
        if version == EARLIER_SHEET_VERSION {
            // Whatever was signed then, documents are masked wherever they are shown now.
            sheet.mask(Masks::of_request(request, proposal, self.artifacts));
        }
        Ok(sheet)
    }
}

fn list_findings(page: &mut Page, findings: &[Recorded]) -> Result<(), SheetError> {
    page.heading(&format!("findings ({})", findings.len()));
    let masks = Arc::clone(&page.masks);
    for finding in findings {
        let Recorded {
            id,
            severity: _, // shown as its level
            title,
            explanation,
            side,
            path,
            line,
            reference,
            peers,
            delta,
            counts,
        } = finding;
        let level = finding.level();
        let role = if *counts {
            LineRole::Finding(level)
        } else {
            LineRole::FindingBeside
        };
        let shown = |text: &str| masks.quoting(&Untrusted::from(text).escaped());
        let delta = delta_word(*delta);
        page.push(
            role,
            format!("[{}] {delta} {}: {}", level.word(), shown(id), shown(title)),
        )?;
        page.push(role, format!("    {}", shown(explanation)))?;
        let line = line.map_or_else(String::new, |line| format!(" line {line}"));
        let side = match side {
            crate::findings::Side::Before => "before",
            crate::findings::Side::After => "after",
        };
        page.push(
            role,
            format!("    at {side}{line} {}", masks.quoting(&path.escaped())),
        )?;
        if let Some(reference) = reference {
            page.push(role, format!("    see {}", shown(reference)))?;
        }
        if !peers.is_empty() {
            page.push(role, format!("    also known as {}", shown(&peers.join(", "))))?;
        }
    }
    Ok(())
}

fn delta_word(delta: crate::findings::Delta) -> &'static str {
    use crate::findings::Delta;
    match delta {
        Delta::Introduced => "introduced",
        Delta::Widened => "widened",
        Delta::Unknown => "unknown",
        Delta::Existing => "existing",
        Delta::Removed => "removed",
    }
}

/// Artifacts by digest, each checked when it is taken.
struct Shelf<'a>(&'a BTreeMap<ArtifactDigest, Artifact>);

impl<'a> Shelf<'a> {
    fn take(&self, artifact: &ArtifactRef) -> Result<&'a [u8], SheetError> {
        let found = self
            .0
            .get(&artifact.digest)
            .ok_or(SheetError::Missing(artifact.digest))?;
        if artifact.names(&found.0) {
            Ok(&found.0)
        } else {
            Err(SheetError::Different(artifact.digest))
        }
    }
}

/// The sheet while it is written.
struct Page {
    masks: Arc<Masks>,
    lines: Vec<SheetLine>,
    bytes: usize,
    documents: Vec<ShownDocument>,
}

impl Page {
    fn new(masks: Arc<Masks>) -> Self {
        Self {
            masks,
            lines: Vec::new(),
            bytes: 0,
            documents: Vec::new(),
        }
    }

    fn push(&mut self, role: LineRole, text: String) -> Result<(), SheetError> {
        self.bytes += text.len() + 1;
        if self.bytes > MAX_SHEET_BYTES {
            return Err(SheetError::TooLong);
        }
        self.lines.push(SheetLine { role, text });
        Ok(())
    }

    fn heading(&mut self, title: &str) {
        self.part();
        self.bytes += title.len() + 4;
        self.lines.push(SheetLine {
            role: LineRole::Heading,
            text: format!("# {title}"),
        });
    }

    /// Parts stand apart.
    fn part(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(SheetLine {
                role: LineRole::Blank,
                text: String::new(),
            });
        }
    }

    /// Puts parts that were drawn on their own behind those that are there.
    fn append(&mut self, parts: Self) -> Result<(), SheetError> {
        self.part();
        self.bytes += parts.bytes;
        if self.bytes > MAX_SHEET_BYTES {
            return Err(SheetError::TooLong);
        }
        self.lines.extend(parts.lines);
        self.documents.extend(parts.documents);
        Ok(())
    }

    fn field(&mut self, label: &str, value: &str) -> Result<(), SheetError> {
        self.push(LineRole::Field, format!("{label}: {value}"))
    }

    /// A field whose value came from outside.
    fn foreign(&mut self, label: &str, value: impl Into<Untrusted>) -> Result<(), SheetError> {
        let value: Untrusted = value.into();
        let shown = self.masks.escaped(value.bytes());
        self.push(LineRole::Field, format!("{label}: {shown}"))
    }

    /// A field that says what the action is about: no secret that was found elsewhere covers any of it.
    fn name(&mut self, label: &str, value: impl Into<Untrusted>) -> Result<(), SheetError> {
        let value: Untrusted = value.into();
        let shown = self.masks.name(value.bytes());
        self.push(LineRole::Field, format!("{label}: {shown}"))
    }

    fn claim(&mut self, label: &str, value: &str) -> Result<(), SheetError> {
        let shown = self.masks.escaped(value.as_bytes());
        self.push(LineRole::Claim, format!("{label}: {shown}"))
    }

    fn finish(self, sentence: String) -> Sheet {
        let mut text = String::with_capacity(self.bytes);
        for line in &self.lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        Sheet {
            lines: self.lines.into(),
            view_digest: ViewDigest::new(Sha256Digest::of(text.as_bytes())),
            text,
            sentence,
            masks: self.masks,
            documents: self.documents,
        }
    }
}

#[cfg(test)]
mod tests;
