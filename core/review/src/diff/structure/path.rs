//! Where a change stands: by keys and by the names of elements, not by their positions.

use crate::text::Untrusted;

/// The way from the root of a file to one value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    /// The steps, outermost first. They hold text from outside.
    pub steps: Vec<Step>,
}

/// One step of a [`Path`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The value of a key.
    Key {
        /// The key.
        name: String,
        /// How many equal keys stand before it in the same map.
        nth: u32,
    },
    /// An element of a list, or a document of a file.
    Element {
        /// What names it; its content does where there is nothing.
        name: Option<String>,
        /// Its index on the before side.
        before: Option<usize>,
        /// Its index on the after side.
        after: Option<usize>,
    },
    /// The JSON that a text holds, such as a policy inside a plan.
    Held,
    /// Lines of a file that has no structure.
    Lines {
        /// The state whose lines they are.
        side: &'static str,
        /// The first, from 1.
        first: u32,
        /// How many.
        count: u32,
    },
}

impl Path {
    /// Returns about how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let names = self.steps.iter().map(|step| match step {
            Step::Key { name, .. } | Step::Element { name: Some(name), .. } => name.len(),
            Step::Element { .. } | Step::Held | Step::Lines { .. } => 0,
        });
        names.sum::<usize>() + self.steps.len() * size_of::<Step>() + 256
    }

    /// Returns the path as one printable line. Different steps are never shown alike: what is not plain is quoted.
    pub fn shown(&self) -> String {
        self.plain().escaped()
    }

    /// Returns the same with the text from outside as it came.
    pub fn plain(&self) -> Untrusted {
        let mut text = String::new();
        for step in &self.steps {
            match step {
                Step::Key { name, nth } => {
                    if is_plain(name, "_-") {
                        text.push_str(if text.is_empty() { "" } else { "." });
                        text.push_str(name);
                    } else {
                        text.push_str(&format!("[{}]", quote(name)));
                    }
                    if *nth > 0 {
                        text.push_str(&format!("(again {nth})"));
                    }
                }
                Step::Element { name: Some(name), .. } => {
                    if is_plain(name, "_-./: ") && !name.bytes().all(|byte| byte.is_ascii_digit()) {
                        text.push_str(&format!("[{name}]"));
                    } else {
                        text.push_str(&format!("[= {}]", quote(name)));
                    }
                }
                Step::Element { before, after, .. } => match (before, after) {
                    (_, Some(index)) => text.push_str(&format!("[{index}]")),
                    (Some(index), None) => text.push_str(&format!("[was {index}]")),
                    (None, None) => text.push_str("[]"),
                },
                Step::Held => text.push_str("(json)"),
                Step::Lines {
                    side,
                    first,
                    count: 1,
                } => text.push_str(&format!("(line {first} {side})")),
                Step::Lines { side, first, count } => {
                    let last = first.saturating_add(*count).saturating_sub(1);
                    text.push_str(&format!("(lines {first}-{last} {side})"));
                }
            }
        }
        if text.is_empty() {
            text.push_str("(whole file)");
        }
        Untrusted::from(text)
    }
}

fn is_plain(name: &str, also: &str) -> bool {
    !name.is_empty()
        && !name.starts_with([' ', '='])
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || also.contains(c))
        && !name.starts_with("was ")
}

fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
