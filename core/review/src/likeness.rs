//! Whether requests are of one shape, so that one reading can serve several decisions.
//!
//! The shape of a request is its sheet with the names taken out. Several sheets are of one shape when all of this
//! holds:
//!
//! - they have as many lines, and each line stands in the same part, has the same role and the same label;
//! - their targets are equal but for words that stand in the same places; those words are the *names* of each;
//! - every other line is equal to the letter, or equal once each sheet's own names are taken out of it. So kind,
//!   agent, environment, severity, the approval rule, people, policies, findings, arguments and every line of the
//!   change are the same: a name may stand where the target has it, nothing else may vary;
//! - a word without a letter (a number, an address) and a word that is a value in itself (`true`, `allow`) is
//!   no name outside of places: a path, the target, the database;
//! - the severity is none, low or medium.
//!
//! What names one asking (its id, its digests, its times), what the agent claims and what was observed or looked up
//! may vary; it is never hidden: [`Shape::lines`] has every line of every sheet, once where it is the same for all
//! and once for each where it is not. A line that this module does not know has to be the same.
//!
//! This is an aid for showing. It decides nothing: each decision is still made and signed for itself.

use std::collections::BTreeMap;

use crate::sheet::{LineRole, SHEET_VERSION, SheetLine};

/// What several sheets have in common, and what each has of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shape {
    lines: Vec<ShapeLine>,
}

/// One line of a shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ShapeLine {
    /// The line of the sheet.
    pub line: usize,
    /// Whose it is; nothing where it is the same for all, to the letter.
    pub member: Option<usize>,
}

/// Why sheets are not of one shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unlike {
    /// There is nothing to compare.
    #[error("it takes at least two requests to have a shape in common")]
    Alone,
    /// The risk is too high.
    #[error("a {0} risk is decided by itself, never in a batch")]
    Risk(String),
    /// A sheet does not name a target.
    #[error("a sheet names no target")]
    NoTarget,
    /// The targets differ in more than names.
    #[error("the targets differ in more than names: `{0}` and `{1}`")]
    Targets(String, String),
    /// One says more than another.
    #[error("one sheet has {0} lines and the other {1}")]
    Length(usize, usize),
    /// A line differs in more than names.
    #[error("{part}: `{first}` in request 1 and `{other}` in request {number}")]
    Line {
        /// The part of the sheet.
        part: String,
        /// The number of the request that differs from the first.
        number: usize,
        /// The line of the first.
        first: String,
        /// The line of the other.
        other: String,
    },
}

impl Shape {
    /// The shape of several sheets.
    ///
    /// # Errors
    /// [`Unlike`] names the first thing in which they differ.
    pub fn of(sheets: &[&[SheetLine]]) -> Result<Self, Unlike> {
        let [first, others @ ..] = sheets else {
            return Err(Unlike::Alone);
        };
        if others.is_empty() {
            return Err(Unlike::Alone);
        }
        if let Some(other) = others.iter().find(|other| other.len() != first.len()) {
            return Err(Unlike::Length(first.len(), other.len()));
        }
        let names = names(
            &sheets
                .iter()
                .map(|sheet| target(sheet))
                .collect::<Option<Vec<_>>>()
                .ok_or(Unlike::NoTarget)?,
        )?;
        let mut lines = Vec::with_capacity(first.len());
        let mut part = "";
        for (index, line) in first.iter().enumerate() {
            if line.role == LineRole::Heading {
                part = line.text.trim_start_matches("# ");
            }
            let column: Vec<&SheetLine> = sheets.iter().filter_map(|sheet| sheet.get(index)).collect();
            check_risk(part, &line.text)?;
            if column.iter().all(|other| *other == line) {
                lines.push(ShapeLine {
                    line: index,
                    member: None,
                });
                continue;
            }
            let rule = Rule::of(part, label(&line.text).unwrap_or_default());
            let alike = |(other, own): (&&SheetLine, &Names<'_>)| {
                other.role == line.role && rule.allows(line, names.first(), other, own)
            };
            if let Some(at) = column.iter().zip(&names).position(|pair| !alike(pair)) {
                return Err(Unlike::Line {
                    part: part.to_owned(),
                    number: at + 1,
                    first: line.text.clone(),
                    other: column.get(at).map(|other| other.text.clone()).unwrap_or_default(),
                });
            }
            lines.extend((0..column.len()).map(|member| ShapeLine {
                line: index,
                member: Some(member),
            }));
        }
        Ok(Self { lines })
    }

    /// Every line of every sheet, in order.
    #[must_use]
    pub fn lines(&self) -> &[ShapeLine] {
        &self.lines
    }
}

/// The words of a sheet by which its target differs from the others', each with its place in the target.
type Names<'a> = BTreeMap<&'a str, usize>;

/// In what a line may vary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// In names.
    Same,
    /// In names, and in numbers of the target: it says where.
    Place,
    /// In length and digest of a content whose change is shown line by line.
    Content,
    /// In its value: it names this asking, or is claimed, observed or looked up.
    Own,
}

impl Rule {
    fn of(part: &str, label: &str) -> Self {
        match (part, label) {
            // Its words stand in the parts below, where they are compared.
            (SHEET_VERSION, _)
            | ("request", "request" | "created" | "expires")
            | ("claimed by the agent" | "observed by the guard" | "looked up by the backend", _)
            | (
                "bindings",
                "request digest" | "proposal" | "action" | "baseline" | "drift" | "findings" | "guard"
                | "guard key",
            ) => Self::Own,
            ("request", "target") | ("change of a document", "path") | ("database statement", "database") => {
                Self::Place
            }
            ("change of a document", "before" | "after")
            | ("process", "standard input")
            | ("database statement", "statement") => Self::Content,
            (part, label) if part.starts_with("file named by argument") => match label {
                "path" => Self::Place,
                "content" => Self::Content,
                _ => Self::Same,
            },
            _ => Self::Same,
        }
    }

    fn allows(self, first: &SheetLine, its: Option<&Names<'_>>, other: &SheetLine, own: &Names<'_>) -> bool {
        // Lines of documents are no fields, whatever they look like.
        let field = matches!(first.role, LineRole::Field | LineRole::Claim);
        let Some(its) = its else { return false };
        match self {
            Self::Own if field => label(&first.text) == label(&other.text) || label(&first.text).is_none(),
            Self::Content if field => is_content(&first.text) && is_content(&other.text),
            Self::Place if field => {
                without_names(&first.text, its, true) == without_names(&other.text, own, true)
            }
            _ => without_names(&first.text, its, false) == without_names(&other.text, own, false),
        }
    }
}

/// A risk for which every request is decided by itself.
fn check_risk(part: &str, text: &str) -> Result<(), Unlike> {
    let risk = text.strip_prefix("severity: ").filter(|_| part == "request");
    match risk {
        None | Some("none" | "low" | "medium") => Ok(()),
        Some(risk) => Err(Unlike::Risk(risk.to_owned())),
    }
}

fn label(text: &str) -> Option<&str> {
    text.split_once(": ").map(|(label, _)| label)
}

fn is_content(text: &str) -> bool {
    text.split_once(": ")
        .is_some_and(|(_, value)| value.contains(" bytes, SHA-256 "))
}

/// The target as the request's part of the sheet names it.
fn target(sheet: &[SheetLine]) -> Option<&str> {
    let mut inside = false;
    for line in sheet {
        if line.role == LineRole::Heading {
            inside = line.text == "# request";
        } else if inside
            && line.role == LineRole::Field
            && let Some(target) = line.text.strip_prefix("target: ")
        {
            return Some(target);
        }
    }
    None
}

/// The names of each target: the words in the places where not all targets have the same.
fn names<'a>(targets: &[&'a str]) -> Result<Vec<Names<'a>>, Unlike> {
    let words: Vec<Vec<&str>> = targets.iter().map(|target| pieces(target)).collect();
    let unlike = |other: usize| {
        let named = |at: usize| targets.get(at).copied().unwrap_or_default().to_owned();
        Unlike::Targets(named(0), named(other))
    };
    let length = words.first().map_or(0, Vec::len);
    if let Some(other) = words.iter().position(|other| other.len() != length) {
        return Err(unlike(other));
    }
    let mut names = vec![Names::new(); targets.len()];
    for place in 0..length {
        let column: Vec<&str> = words
            .iter()
            .filter_map(|words| words.get(place).copied())
            .collect();
        if column.iter().all(|word| Some(word) == column.first()) {
            continue;
        }
        if let Some(other) = column.iter().position(|word| !word.chars().all(is_of_word)) {
            return Err(unlike(other));
        }
        for (own, word) in names.iter_mut().zip(column) {
            own.entry(word).or_insert(place);
        }
    }
    Ok(names)
}

/// Words that switch something; they are never names, even where a target has them.
const VALUES: [&str; 26] = [
    "true", "false", "yes", "no", "on", "off", "none", "null", "all", "any", "allow", "deny", "accept",
    "drop", "reject", "permit", "forbid", "grant", "revoke", "enable", "disable", "enabled", "disabled",
    "public", "private", "root",
];

/// Whether a word can be a name outside of places.
fn is_name(word: &str) -> bool {
    word.chars().any(char::is_alphabetic) && !VALUES.iter().any(|value| word.eq_ignore_ascii_case(value))
}

/// A text with the names in it replaced by their places. The marks around them stand on no sheet.
fn without_names(text: &str, names: &Names<'_>, place: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for piece in pieces(text) {
        match names.get(piece).filter(|_| place || is_name(piece)) {
            Some(index) => out.push_str(&format!("\u{1}{index}\u{2}")),
            None => out.push_str(piece),
        }
    }
    out
}

const fn is_joint(c: char) -> bool {
    matches!(c, '-' | '_')
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_joint(c)
}

/// A text as its words and what stands between them.
fn pieces(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let (mut start, mut inside) = (0, None);
    for (at, c) in text.char_indices() {
        let word = is_of_word(c);
        if inside.is_some_and(|inside| inside != word) {
            out.extend(text.get(start..at));
            start = at;
        }
        inside = Some(word);
    }
    out.extend(text.get(start..).filter(|rest| !rest.is_empty()));
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A sheet of a changed file on a host.
    fn sheet(host: &str, severity: &str, added: &[String]) -> Vec<SheetLine> {
        let field = |text: String| SheetLine {
            role: LineRole::Field,
            text,
        };
        let heading = |text: &str| SheetLine {
            role: LineRole::Heading,
            text: format!("# {text}"),
        };
        let mut sheet = vec![
            heading(SHEET_VERSION),
            field(format!(
                "Agent deployer asks to change file://{host}/etc/app.conf in staging."
            )),
            heading("request"),
            field(format!("request: r-{host}")),
            field("agent: deployer".to_owned()),
            field("environment: staging".to_owned()),
            field(format!("target: file://{host}/etc/app.conf")),
            field(format!("severity: {severity}")),
            heading("what it takes"),
            field("approvals: 1".to_owned()),
            heading("findings (0)"),
            heading("change of a document"),
            field("path: /etc/app.conf".to_owned()),
            field(format!("before: {} bytes, SHA-256 {host}", host.len())),
        ];
        sheet.extend(added.iter().map(|line| SheetLine {
            role: LineRole::Added,
            text: format!("+{line}"),
        }));
        sheet.extend([
            heading("bindings"),
            field(format!("action: {host}")),
            field("policy: p".to_owned()),
        ]);
        sheet
    }

    fn of(sheets: &[Vec<SheetLine>]) -> Result<Shape, Unlike> {
        Shape::of(&sheets.iter().map(Vec::as_slice).collect::<Vec<_>>())
    }

    fn named(host: &str, line: &str) -> Vec<SheetLine> {
        sheet(host, "low", &[line.to_owned()])
    }

    #[test]
    fn a_name_may_stand_where_the_target_has_it() {
        let shape = of(&[
            named("web-1", "server web-1:80;"),
            named("web-2", "server web-2:80;"),
        ])
        .unwrap();
        let own = shape.lines().iter().filter(|line| line.member.is_some()).count();
        assert_eq!(
            own,
            2 * 6,
            "the sentence, id, target, before, the added line, the digest"
        );
    }

    #[test]
    fn nothing_else_may_vary() {
        for (one, other) in [
            ("workers 3", "workers 30"),
            ("server web-1", "server web-3"),
            ("allow web-1", "deny web-2"),
            ("server web-1", "server db-2"),
            ("a web-1", "a web-2 "),
        ] {
            let refused = of(&[named("web-1", one), named("web-2", other)]);
            assert!(
                matches!(refused, Err(Unlike::Line { .. })),
                "{one} {other}: {refused:?}"
            );
        }
        let mut admin = named("web-2", "x");
        admin[4].text = "agent: administrator".to_owned();
        assert!(of(&[named("web-1", "x"), admin]).is_err());
        let mut created = named("web-2", "x");
        created[13].text = "before: none".to_owned();
        assert!(
            of(&[named("web-1", "x"), created]).is_err(),
            "creating is not changing"
        );
    }

    #[test]
    fn a_number_or_a_switch_in_the_target_is_no_name_in_the_change() {
        assert!(of(&[named("1", "replicas 1"), named("2", "replicas 2")]).is_err());
        assert!(of(&[named("true", "debug true"), named("false", "debug false")]).is_err());
        assert!(of(&[named("1", "x"), named("2", "x")]).is_ok());
    }

    #[test]
    fn a_line_of_a_document_is_no_field() {
        // It looks like a field that may vary, and stands in a document.
        let line = |value: &str| {
            let mut sheet = named("web-1", "x");
            let role = LineRole::Context;
            sheet.push(SheetLine {
                role,
                text: format!("action: {value}"),
            });
            sheet
        };
        assert!(of(&[line("a"), line("b")]).is_err());
    }

    #[test]
    fn a_high_risk_is_in_no_batch() {
        for severity in ["high", "critical", "unheard-of"] {
            let sheets = ["web-1", "web-2"].map(|host| sheet(host, severity, &[]));
            assert_eq!(of(&sheets), Err(Unlike::Risk(severity.to_owned())));
        }
    }

    #[test]
    fn one_or_none_has_no_shape() {
        assert_eq!(of(&[]), Err(Unlike::Alone));
        assert_eq!(of(&[named("web-1", "x")]), Err(Unlike::Alone));
    }

    fn word() -> impl Strategy<Value = String> {
        prop::sample::select(vec![
            "web-1", "web-2", "db", "3", "30", "true", "x: y", " ", "/", "⟦CR⟧",
        ])
        .prop_map(str::to_owned)
    }

    proptest! {
        #[test]
        fn renamed_sheets_are_of_one_shape(
            hosts in prop::collection::btree_set("[a-z]{3,6}-[a-z]{2}", 2..6),
            lines in prop::collection::vec(prop::collection::vec(prop::option::of(word()), 0..4), 0..6),
        ) {
            let sheets: Vec<Vec<SheetLine>> = hosts.iter().map(|host| {
                let text = |line: &Vec<Option<String>>| {
                    line.iter().map(|word| format!("{} ", word.as_deref().unwrap_or(host))).collect::<String>()
                };
                sheet(host, "medium", &lines.iter().map(text).collect::<Vec<_>>())
            }).collect();
            prop_assert!(of(&sheets).is_ok());
        }

        #[test]
        fn every_line_of_every_sheet_is_shown(
            one in prop::collection::vec(word(), 0..5), other in prop::collection::vec(word(), 0..5),
        ) {
            let sheets = [sheet("web-1", "low", &one), sheet("web-2", "low", &other)];
            if let Ok(shape) = of(&sheets) {
                for (member, sheet) in sheets.iter().enumerate() {
                    let shown: Vec<usize> = shape.lines().iter()
                        .filter(|line| line.member.is_none_or(|own| own == member))
                        .map(|line| line.line)
                        .collect();
                    prop_assert_eq!(shown, (0..sheet.len()).collect::<Vec<_>>());
                }
                for line in shape.lines().iter().filter(|line| line.member.is_none()) {
                    prop_assert_eq!(&sheets[0][line.line], &sheets[1][line.line]);
                }
            }
        }

        #[test]
        fn the_order_says_nothing(
            one in prop::collection::vec(word(), 0..4), other in prop::collection::vec(word(), 0..4),
        ) {
            let (one, other) = (sheet("web-1", "low", &one), sheet("web-2", "low", &other));
            prop_assert_eq!(of(&[one.clone(), other.clone()]).is_ok(), of(&[other, one]).is_ok());
        }
    }
}
