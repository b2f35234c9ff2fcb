//! Reading container builds (Dockerfile, Containerfile) into their stages, so that the rules for secrets and for shell
//! commands see their variables and their `RUN` lines. Variables in them are not expanded.

use crate::document::{Documents, Node, Value};
use crate::findings::name;
use crate::findings::secret::{holds_secret, names_secret};
use crate::findings::shell::parse;

/// The instructions of a build; what begins with none of them is no build.
const INSTRUCTIONS: &[&str] = &[
    "FROM",
    "ARG",
    "RUN",
    "COPY",
    "ADD",
    "ENV",
    "USER",
    "WORKDIR",
    "ENTRYPOINT",
    "CMD",
    "EXPOSE",
    "LABEL",
    "VOLUME",
    "HEALTHCHECK",
    "SHELL",
    "STOPSIGNAL",
    "ONBUILD",
    "MAINTAINER",
];

/// Says whether a text is a container build: every line begins an instruction, and one is `FROM`.
pub(in crate::findings) fn is_build(text: &str) -> bool {
    let mut from = false;
    for (_, instruction) in instructions(text) {
        let (name, rest) = split(&instruction);
        let Some(known) = INSTRUCTIONS.iter().find(|known| name.eq_ignore_ascii_case(known)) else {
            return false;
        };
        if !from && !matches!(*known, "FROM" | "ARG") {
            return false;
        }
        from |= *known == "FROM" && !rest.is_empty();
    }
    from
}

/// Reads a build into its stages.
pub(in crate::findings) fn read(text: &str) -> Documents {
    let mut stages: Vec<Stage> = Vec::new();
    let mut global = Stage::default();
    for (line, instruction) in instructions(text) {
        let (name, rest) = split(&instruction);
        let name = name.to_ascii_uppercase();
        let value = |text: &str| Value {
            line,
            node: Node::Text(text.to_owned()),
        };
        if name == "FROM" {
            stages.push(Stage::from(line, rest));
            continue;
        }
        let stage = stages.last_mut().unwrap_or(&mut global);
        // A trigger for later builds does the same, later.
        let (name, rest) = match name.as_str() {
            "ONBUILD" => split(rest),
            _ => (name.as_str(), rest),
        };
        match name.to_ascii_uppercase().as_str() {
            "ARG" if takes_secret(rest) => stage.arguments.push(value(rest)),
            "ENV" | "ARG" => stage.variables.extend(
                assignments(rest)
                    .into_iter()
                    .map(|(name, text)| (name, value(&text))),
            ),
            "RUN" => stage.run.push(value(rest)),
            "ADD" => {
                stage.credentials.extend(credentials(line, rest));
                stage.add.push(value(rest));
            }
            "COPY" => stage.credentials.extend(credentials(line, rest)),
            "USER" => stage.user = Some(value(rest)),
            _ => {}
        }
    }
    stages.insert(0, global);
    Documents {
        all: vec![Value {
            line: 1,
            node: Node::Map(vec![(
                "stages".to_owned(),
                Value {
                    line: 1,
                    node: Node::List(stages.into_iter().filter_map(Stage::into_value).collect()),
                },
            )]),
        }],
        duplicate_keys: Vec::new(),
    }
}

#[derive(Default)]
struct Stage {
    line: u32,
    name: String,
    base: Option<Value>,
    variables: Vec<(String, Value)>,
    run: Vec<Value>,
    add: Vec<Value>,
    /// Arguments that by their name take in a secret.
    arguments: Vec<Value>,
    /// Files that are copied in and in which programs keep credentials.
    credentials: Vec<Value>,
    user: Option<Value>,
}

impl Stage {
    fn from(line: u32, rest: &str) -> Self {
        let words: Vec<&str> = rest
            .split_whitespace()
            .filter(|word| !word.starts_with("--"))
            .collect();
        let named = words.get(1).is_some_and(|word| word.eq_ignore_ascii_case("as"));
        Self {
            line,
            name: words
                .get(2)
                .filter(|_| named)
                .copied()
                .unwrap_or_default()
                .to_owned(),
            base: words.first().map(|base| Value {
                line,
                node: Node::Text((*base).to_owned()),
            }),
            ..Self::default()
        }
    }

    /// Gives the stage as a map; nothing where nothing stands in it.
    fn into_value(self) -> Option<Value> {
        let line = self.line.max(1);
        let value = |node| Value { line, node };
        let mut entries = Vec::new();
        if !self.name.is_empty() {
            entries.push(("name".to_owned(), value(Node::Text(self.name))));
        }
        entries.extend(self.base.map(|base| ("from".to_owned(), base)));
        if !self.variables.is_empty() {
            entries.push(("env".to_owned(), value(Node::Map(self.variables))));
        }
        for (key, list) in [
            ("run", self.run),
            ("add", self.add),
            ("secretArguments", self.arguments),
            ("credentials", self.credentials),
        ] {
            if !list.is_empty() {
                entries.push((key.to_owned(), value(Node::List(list))));
            }
        }
        entries.extend(self.user.map(|user| ("user".to_owned(), user)));
        (!entries.is_empty()).then(|| value(Node::Map(entries)))
    }
}

/// Returns the instructions with their lines: comments gone, continued lines and here-documents joined.
fn instructions(text: &str) -> impl Iterator<Item = (u32, String)> {
    let mut lines = (1u32..).zip(text.lines());
    std::iter::from_fn(move || {
        let is_part = |line: &str| !line.is_empty() && !line.starts_with('#');
        let (number, line) = lines.find(|(_, line)| is_part(line.trim()))?;
        let mut whole = line.trim().to_owned();
        while let Some(head) = whole.strip_suffix('\\') {
            whole.truncate(head.len());
            // Comments and empty lines inside a continued instruction are passed over.
            let Some((_, next)) = lines.find(|(_, line)| is_part(line.trim())) else {
                break;
            };
            whole.push(' ');
            whole.push_str(next.trim());
        }
        if let Some(mark) = here_document(&whole) {
            for (_, line) in lines.by_ref() {
                if line.trim() == mark {
                    break;
                }
                whole.push('\n');
                whole.push_str(line);
            }
        }
        Some((number, whole))
    })
}

/// Returns the mark that ends the text which a `RUN <<EOF` or `COPY <<EOF` takes in.
fn here_document(instruction: &str) -> Option<String> {
    let (name, rest) = split(instruction);
    let takes = ["RUN", "COPY", "ADD"]
        .iter()
        .any(|it| name.eq_ignore_ascii_case(it));
    let after = rest.split_once("<<").filter(|_| takes)?.1;
    let mark: String = after
        .trim_start_matches(['-', '"', '\''])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!mark.is_empty()).then_some(mark)
}

pub(super) fn split(instruction: &str) -> (&str, &str) {
    let (name, rest) = instruction
        .split_once(char::is_whitespace)
        .unwrap_or((instruction, ""));
    (name, rest.trim())
}

/// Reads `A=b "C=d e"` and the older `A b`.
fn assignments(rest: &str) -> Vec<(String, String)> {
    let first = rest.split_whitespace().next().unwrap_or_default();
    if !first.contains('=') {
        let (name, value) = split(rest);
        return match value.is_empty() {
            true => Vec::new(),
            false => vec![(name.to_owned(), value.to_owned())],
        };
    }
    let words = parse(rest).commands;
    words
        .iter()
        .flat_map(|command| &command.words)
        .filter_map(|word| word.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// Returns the files of a `COPY` in which programs keep credentials.
fn credentials(line: u32, rest: &str) -> Vec<Value> {
    let list = rest.replace(['[', ']', '"', ','], " ");
    let words: Vec<&str> = list
        .split_whitespace()
        .filter(|word| !word.starts_with("--"))
        .collect();
    let sources = words.split_last().map_or(&[][..], |(_, sources)| sources);
    let known = sources.iter().filter(|source| holds_secret(source));
    let value = |source: &&str| Value {
        line,
        node: Node::Text((*source).to_owned()),
    };
    known.map(value).collect()
}

/// Says whether an argument without a value takes in a secret, by its name; one with a value is a literal secret.
fn takes_secret(argument: &str) -> bool {
    const LAST: &[&str] = &[
        "token",
        "password",
        "passwd",
        "secret",
        "pat",
        "credential",
        "credentials",
    ];
    let name = argument.trim_end_matches('=');
    let last = name::words(name).pop().unwrap_or_default();
    !name.contains('=') && (LAST.contains(&last.as_str()) || names_secret(name))
}
