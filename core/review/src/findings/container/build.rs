//! Container builds (Dockerfile, Containerfile): what they are built from, what they fetch, as whom they run.
//!
//! It is no check of the image.

use super::image::{image, is_common_base, is_version_tag};
use super::read::{is_build, split};
use crate::document::{Place, Value};
use crate::findings::observation::quote;
use crate::findings::shell::{self, At, script};
use crate::findings::{Change, Delta, Detector, Input, Observation, Outcome, Severity, Side, rule};

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

    fn changes(&self, before: &Input<'_>, after: &Input<'_>) -> Vec<Change> {
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

fn base_moved(place: &Place, line: u32, was: &str, is: &str) -> Option<Change> {
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
        in_image: true,
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
    fn what_a_build_removes_is_its_own() {
        let with = |line: &str| PINNED.replace("USER app", &format!("{line}\nUSER app"));
        for line in ["RUN rm -rf /wheels", "RUN find / -name '*.pyc' -delete"] {
            let told = ids(Some(PINNED), &with(line));
            assert_eq!(told, [("shell-deletes", Severity::Low)], "{line}");
        }
        let fetched = "RUN curl -fsSLo /usr/local/bin/k https://x.test/${K_VERSION}/$ARCH/k && install k /usr/local/bin/k";
        assert!(
            ids(Some(PINNED), &with(fetched))
                .iter()
                .all(|it| it.1 <= Severity::Low)
        );
        let told = ids(
            Some(PINNED),
            &with("RUN echo 'app ALL=(ALL) NOPASSWD: ALL' >> /etc/sudoers"),
        );
        assert!(told.contains(&("shell-overwrites", Severity::High)), "{told:?}");
        let told = ids(Some(PINNED), &with("RUN aws s3 rm --recursive s3://b"));
        assert_eq!(
            told,
            [("shell-deletes", Severity::Medium)],
            "a store is not the image's"
        );
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
