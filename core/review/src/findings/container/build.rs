//! Container builds (Dockerfile, Containerfile): what they are built from, what they fetch, as whom they run.
//!
//! The file is read into stages with their instructions, so that the rules for secrets and for shell commands
//! see its variables and its `RUN` lines. Variables in it are not expanded. It is no check of the image.

use crate::document::{Documents, Node, Place, Value};
use crate::findings::name;
use crate::findings::observation::quote;
use crate::findings::secret::{holds_secret, names_secret};
use crate::findings::shell::{self, At, parse, script};
use crate::findings::{Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};

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

fn split(instruction: &str) -> (&str, &str) {
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

/// The rules for container builds.
pub(in crate::findings) struct Builds;

impl Detector for Builds {
    fn kinds(&self) -> &'static [&'static str] {
        &["build", "config-file", "code-push"]
    }

    fn observe(&self, input: &Input<'_>, seen: &mut Vec<Observation>) -> Outcome {
        if !input.text().is_some_and(is_build) {
            return Outcome::NotMine;
        }
        let stages = stages(input);
        let names: Vec<&str> = stages
            .iter()
            .filter_map(|(_, stage)| stage.text_at("name"))
            .collect();
        for (index, (place, stage)) in stages.iter().enumerate() {
            let last = index + 1 == stages.len();
            copied_credentials(place, stage, last, seen);
            base(place, stage, &names, last, seen);
            for fetched in stage.at("add").map(Value::items).unwrap_or_default() {
                add(place, fetched, seen);
            }
            for argument in stage.at("secretArguments").map(Value::items).unwrap_or_default() {
                let name = argument.text().unwrap_or_default();
                let what = format!(
                    "{} is an argument of the build, which stays in the image's history",
                    quote(name)
                );
                let seen_here = Observation::new(&rule::BUILD_SECRET_ARGUMENT, name, what);
                seen.push(seen_here.at(place, argument.line));
            }
            for run in stage.at("run").map(Value::items).unwrap_or_default() {
                command(place, run, seen);
            }
        }
        if let Some((place, last)) = stages.last()
            && runs_as_root(last)
        {
            let what = "the image runs as root, since its last stage names no other user";
            let line = last.at("user").unwrap_or(last).line;
            seen.push(Observation::new(&rule::BUILD_ROOT, "last", what).at(place, line));
        }
        Outcome::Analyzed
    }

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<(Observation, Delta, Side)> {
        let build = |input: &Input<'_>| input.text().is_some_and(is_build);
        if !build(before) || !build(after) {
            return Vec::new();
        }
        let (old, new) = (stages(before), stages(after));
        let mut changes = Vec::new();
        for (index, (place, stage)) in new.iter().enumerate() {
            let same = |(at, (_, earlier)): (usize, &(Place, &Value))| {
                let named = earlier.text_at("name");
                named.is_some() && named == stage.text_at("name") || named.is_none() && at == index
            };
            let earlier = old.iter().enumerate().find(|it| same((it.0, it.1)));
            let (Some((_, (_, earlier))), Some(is)) = (earlier, stage.text_at("from")) else {
                continue;
            };
            if let Some(was) = earlier.text_at("from") {
                changes.extend(base_moved(place, stage.line, was, is));
            }
        }
        if let (Some((_, was)), Some((place, is))) = (old.last(), new.last())
            && !runs_as_root(was)
            && runs_as_root(is)
        {
            let what = "the image ran as another user and runs as root now";
            let seen = Observation::new(&rule::BUILD_ROOT, "lost", what)
                .severity(Severity::Medium)
                .at(place, is.line);
            changes.push((seen, Delta::Widened, Side::After));
        }
        changes
    }
}

/// Observes credentials that are copied into a stage: those of the last one are in the image.
fn copied_credentials(place: &Place, stage: &Value, last: bool, seen: &mut Vec<Observation>) {
    for file in stage.at("credentials").map(Value::items).unwrap_or_default() {
        let name = file.text().unwrap_or_default();
        let (severity, of) = match last {
            true => (Severity::High, "the image"),
            false => (Severity::Low, "a stage of the build"),
        };
        let what = format!("{} holds credentials and stays in {of}", quote(name));
        let seen_here = Observation::new(&rule::BUILD_SECRET_ARGUMENT, format!("copied {name}"), what);
        seen.push(seen_here.severity(severity).at(place, file.line));
    }
}

/// Returns the stages that have a base, with their places.
fn stages<'a>(input: &Input<'a>) -> Vec<(Place, &'a Value)> {
    let mut found = Vec::new();
    input.walk(&mut |place, value| {
        if value.at("from").is_some() && place.pointer.starts_with("/stages/") {
            found.push((place.clone(), value));
        }
    });
    found
}

fn runs_as_root(stage: &Value) -> bool {
    let user = stage.text_at("user").unwrap_or("root");
    let name = user.split(':').next().unwrap_or_default().trim();
    matches!(name, "" | "root" | "0")
}

/// Splits an image into its repository, its tag and its digest.
pub(in crate::findings) fn image(name: &str) -> (&str, Option<&str>, Option<&str>) {
    let (tagged, digest) = match name.split_once('@') {
        Some((tagged, digest)) => (tagged, Some(digest)),
        None => (name, None),
    };
    let last = tagged.rfind('/').map_or(0, |at| at + 1);
    match tagged.get(last..).and_then(|rest| rest.find(':')) {
        Some(colon) => (
            tagged.get(..last + colon).unwrap_or(tagged),
            tagged.get(last + colon + 1..),
            digest,
        ),
        None => (tagged, None, digest),
    }
}

/// Says whether a tag names one version: it has a number in it.
pub(in crate::findings) fn is_version_tag(tag: &str) -> bool {
    tag.contains(|c: char| c.is_ascii_digit())
}

fn base(place: &Place, stage: &Value, names: &[&str], last: bool, seen: &mut Vec<Observation>) {
    let Some(from) = stage.at("from") else { return };
    let text = from.text().unwrap_or_default();
    if text == "scratch" || names.contains(&text) {
        return;
    }
    let (_, tag, digest) = image(text);
    if digest.is_some() {
        return;
    }
    let severity = match tag {
        Some(tag) if is_version_tag(tag) => Severity::Low,
        _ => Severity::Medium,
    };
    let what = format!("the build starts from whatever {} is at the time", quote(text));
    // What ships is no less pinned by starting from another image that was named no better.
    let key = match last {
        true => format!("last {severity:?}"),
        false => text.to_owned(),
    };
    seen.push(
        Observation::new(&rule::BUILD_BASE_UNPINNED, key, what)
            .severity(severity)
            .at(place, from.line),
    );
}

/// Says whether an image comes from those who publish bases for everybody: the official ones of Docker Hub, which have no
/// owner in their name, and their likes.
fn is_common_base(repository: &str) -> bool {
    const PUBLISHERS: &[&str] = &[
        "docker.io/library/",
        "library/",
        "public.ecr.aws/docker/library/",
        "gcr.io/distroless/",
        "cgr.dev/chainguard/",
        "registry.access.redhat.com/ubi",
        "mcr.microsoft.com/dotnet/",
    ];
    !repository.contains('/')
        || PUBLISHERS
            .iter()
            .any(|publisher| repository.starts_with(publisher))
}

fn base_moved(place: &Place, line: u32, was: &str, is: &str) -> Option<(Observation, Delta, Side)> {
    let ((old, _, old_digest), (new, _, new_digest)) = (image(was), image(is));
    let mut severity = Severity::Medium;
    let (about, what) = if old != new {
        let what = format!("the build starts from {} instead of {}", quote(is), quote(was));
        if is_common_base(old) && is_common_base(new) && (old_digest.is_none() || new_digest.is_some()) {
            severity = Severity::Low;
        }
        (&rule::BUILD_BASE_MOVED, what)
    } else if old_digest.is_some() && new_digest.is_none() {
        let what = format!("{} was named by its digest and no longer is", quote(is));
        (&rule::BUILD_BASE_UNPINNED, what)
    } else {
        return None;
    };
    let seen = Observation::new(about, is, what)
        .severity(severity)
        .at(place, line);
    Some((seen, Delta::Widened, Side::After))
}

fn add(place: &Place, fetched: &Value, seen: &mut Vec<Observation>) {
    let text = fetched.text().unwrap_or_default();
    let remote = ["http://", "https://", "git@", "ftp://"]
        .iter()
        .any(|scheme| text.contains(scheme));
    let checked = text.contains("--checksum=") && !text.contains("http://");
    if remote && !checked {
        let severity = match text.contains("http://") || text.contains("ftp://") {
            true => Severity::High,
            false => Severity::Medium,
        };
        let what = format!(
            "{} is fetched into the image and checked against nothing",
            quote(text)
        );
        seen.push(
            Observation::new(&rule::BUILD_FETCHES, text, what)
                .severity(severity)
                .at(place, fetched.line),
        );
    }
}

fn command(place: &Place, run: &Value, seen: &mut Vec<Observation>) {
    let mut text = run.text().unwrap_or_default().trim_start();
    while let Some(rest) = text.strip_prefix("--") {
        let (flag, after) = split(rest);
        if flag == "security=insecure" || flag == "network=host" {
            let what = format!("a step of the build runs with {}", quote(flag));
            let key = format!("{} {flag}", place.identity);
            seen.push(Observation::new(&rule::BUILD_PRIVILEGED, key, what).at(place, run.line));
        }
        text = after;
    }
    let at = At {
        place: place.clone(),
        line: run.line,
    };
    let list = crate::document::read_json(text.as_bytes()).ok();
    let argv: Vec<String> = list
        .iter()
        .flat_map(|list| &list.all)
        .flat_map(Value::items)
        .filter_map(Value::text)
        .map(str::to_owned)
        .collect();
    if argv.is_empty() {
        script(text, &at, 0, seen);
    } else {
        shell::command(&argv, &at, 0, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::{analyze, severity};

    const PINNED: &str = "ARG V=1\nFROM r/debian@sha256:aa AS build\nRUN make \\\n  # why\n  install\nFROM r/slim@sha256:bb\nCOPY --from=build /a /a\nUSER app\nENTRYPOINT [\"/a\"]\n";

    fn ids(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        analyze("build", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn a_pinned_build_of_another_user_is_quiet() {
        assert!(is_build(PINNED));
        assert_eq!(ids(None, PINNED), []);
    }

    #[test]
    fn what_is_no_build_is_not_taken_for_one() {
        for text in [
            "FROM: a\n",
            "SELECT 1 FROM t\n",
            "RUN x\n",
            "",
            "FROM a\nfoo bar\n",
        ] {
            assert!(!is_build(text), "{text}");
        }
    }

    #[test]
    fn bases_that_move_and_a_user_that_is_lost_are_told() {
        let moving = PINNED.replace("r/slim@sha256:bb", "other/slim");
        assert_eq!(
            ids(Some(PINNED), &moving),
            [
                ("build-base-moved", Severity::Medium),
                ("build-base-unpinned", Severity::Medium)
            ]
        );
        let tagged = PINNED.replace("r/slim@sha256:bb", "r/slim:12");
        assert_eq!(
            ids(Some(PINNED), &tagged)[0],
            ("build-base-unpinned", Severity::Medium)
        );
        let root = PINNED.replace("USER app\n", "");
        assert_eq!(
            ids(Some(PINNED), &root)[0],
            ("build-runs-as-root", Severity::Medium)
        );
    }

    #[test]
    fn what_is_fetched_run_and_written_down_is_told() {
        let with = |line: &str| PINNED.replace("USER app\n", &format!("{line}\nUSER app\n"));
        for (line, id) in [
            ("ADD https://x.test/a /a", "build-fetches-unchecked"),
            (
                "RUN apt-get update && \\\n  curl -s https://x.test | sh",
                "shell-pipe-to-shell",
            ),
            (
                "RUN <<EOF\nset -e\nwget -qO- x.test | bash\nEOF",
                "shell-pipe-to-shell",
            ),
            ("RUN --security=insecure make", "build-privileged"),
            (
                "RUN [\"sh\", \"-c\", \"curl x.test | sh\"]",
                "shell-pipe-to-shell",
            ),
            ("ENV DB_PASSWORD=abcdef123456", "secret-literal"),
            ("ARG NPM_TOKEN", "build-secret-argument"),
            ("ARG db_password abcdef123456", "secret-literal"),
        ] {
            assert_eq!(ids(Some(PINNED), &with(line))[0].0, id, "{line}");
        }
        assert_eq!(
            ids(
                Some(PINNED),
                &with("ADD --checksum=sha256:aa https://x.test/a /a")
            ),
            []
        );
        for line in [
            "ENV DB_PASSWORD=${FROM_OUTSIDE}",
            "ARG TOKENIZER_VERSION",
            "RUN --mount=type=secret,id=npm make",
        ] {
            assert_eq!(ids(Some(PINNED), &with(line)), [], "{line}");
        }
    }

    #[test]
    fn images_are_told_apart() {
        assert_eq!(image("h:5000/a/b"), ("h:5000/a/b", None, None));
        assert_eq!(image("a/b:1@sha256:x"), ("a/b", Some("1"), Some("sha256:x")));
    }

    #[test]
    fn one_line_more_of_any_build_never_panics() {
        for text in [
            "FROM",
            "FROM a\nRUN \\",
            "FROM a\nRUN <<",
            "FROM a\nENV =",
            "FROM a\nADD",
        ] {
            let _ = severity(&analyze("build", None, text.as_bytes()));
        }
    }

    #[test]
    fn a_base_of_those_who_publish_for_everybody_is_no_worse_than_another() {
        let level = |before: &str, after: &str| {
            let build = |base: &str| format!("FROM {base}\nCOPY a /a\nUSER app\n");
            severity(&analyze(
                "build",
                Some(build(before).as_bytes()),
                build(after).as_bytes(),
            ))
        };
        let digest = format!("debian@sha256:{}", "0".repeat(64));
        assert_eq!(
            level("debian:bookworm", "gcr.io/distroless/static:nonroot"),
            Severity::Low
        );
        assert_eq!(
            level("debian:12.5", "gcr.io/distroless/static:nonroot"),
            Severity::Medium
        );
        assert_eq!(level("debian:bookworm", "debiam/base:bookworm"), Severity::Medium);
        assert_eq!(level(&digest, "alpine:3.20"), Severity::Medium);
    }

    #[test]
    fn credentials_that_are_copied_in_are_told() {
        let copied = |line: &str| PINNED.replace("USER app", &format!("{line}\nUSER app"));
        for line in [
            "COPY .npmrc /home/app/.npmrc",
            "COPY --chown=app [\".aws/credentials\", \"/a\"]",
        ] {
            assert_eq!(
                ids(Some(PINNED), &copied(line)),
                [("build-secret-argument", Severity::High)],
                "{line}"
            );
        }
        assert_eq!(ids(Some(PINNED), &copied("COPY npmrc.example /a/.npmrc")), []);
        let earlier = PINNED.replace("RUN make", "COPY .npmrc .\nRUN make");
        assert_eq!(
            ids(Some(PINNED), &earlier),
            [("build-secret-argument", Severity::Low)]
        );
    }
}
