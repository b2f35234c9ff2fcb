//! The layer test: which crate may depend on which, and what the pure crates may not reach.
//!
//! It reads `cargo metadata` and the sources, so a broken rule is a red test and not a matter of review. The arrows are
//! those of `ARCHITECTURE.md`; whoever changes one changes it there too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand};

/// What a crate of the workspace may depend on among its own kind. A crate that is not listed may not exist.
const ARROWS: &[(&str, &[&str])] = &[
    ("countersign-protocol", &[]),
    ("countersign-policy", &["countersign-protocol"]),
    ("countersign-review", &["countersign-protocol"]),
    (
        "countersign-verify",
        &["countersign-protocol", "countersign-policy", "countersign-review"],
    ),
    (
        "countersign-client",
        &[
            "countersign-protocol",
            "countersign-policy",
            "countersign-review",
            "countersign-verify",
        ],
    ),
    (
        "countersign-console",
        &[
            "countersign-protocol",
            "countersign-policy",
            "countersign-review",
            "countersign-verify",
            "countersign-client",
        ],
    ),
    ("countersign-tui", FRONT_END),
    ("countersign-desktop", FRONT_END),
    (
        "countersign-guard",
        &[
            "countersign-protocol",
            "countersign-policy",
            "countersign-review",
            "countersign-verify",
            "countersign-client",
        ],
    ),
    (
        "countersignd",
        &[
            "countersign-protocol",
            "countersign-policy",
            "countersign-review",
            "countersign-verify",
        ],
    ),
    // Stories start the binaries; for their evidence they need the crates that a verifier needs.
    (
        "countersign-tests",
        &[
            "countersign-protocol",
            "countersign-policy",
            "countersign-review",
            "countersign-verify",
            "countersign-client",
            "countersign-console",
        ],
    ),
];

const FRONT_END: &[&str] = &[
    "countersign-protocol",
    "countersign-policy",
    "countersign-review",
    "countersign-verify",
    "countersign-client",
    "countersign-console",
];

/// The pure crates with the only foreign crates that each may call. None of these does I/O, reads a clock or draws
/// randomness in the calls that we make; the source scan below looks for the rest.
const PURE: &[(&str, &[&str])] = &[
    (
        "countersign-protocol",
        &[
            "base64",
            "bip39",
            "data-encoding",
            "ring",
            "rustls-pki-types",
            "rustls-webpki",
            "serde",
            "serde_json",
            "serde_json_canonicalizer",
            "serde_path_to_error",
            "sha2",
            "thiserror",
            "time",
        ],
    ),
    (
        "countersign-policy",
        &[
            "cedar-policy",
            "serde",
            "serde_json",
            "sha2",
            "strsim",
            "thiserror",
            "time",
            "toml",
        ],
    ),
    (
        "countersign-review",
        &[
            "aho-corasick",
            "base64",
            "bip39",
            "hmac",
            "icu_properties",
            "memchr",
            "rayon",
            "serde",
            "serde-saphyr",
            "serde_json",
            "sha2",
            "similar",
            "sqlparser",
            "thiserror",
            "time",
            "toml",
            "toml_edit",
            "unicode-security",
            "unicode-segmentation",
            "unicode-width",
        ],
    ),
    (
        "countersign-verify",
        &[
            "base64",
            "serde",
            "serde_json",
            "sha2",
            "signed_note",
            "thiserror",
            "time",
            "tlog_tiles",
        ],
    ),
];

/// Crates that only some may have anywhere in their tree, with those that may.
const CONFINED: &[(&str, &[&str])] = &[
    ("ratatui", &["countersign-tui"]),
    ("crossterm", &["countersign-tui"]),
    ("tauri", &["countersign-desktop"]),
    ("wry", &["countersign-desktop"]),
    // The agent's side and the backend hold no reviewer's key.
    (
        "keyring",
        &[
            "countersign-console",
            "countersign-tui",
            "countersign-desktop",
            "countersign-tests",
        ],
    ),
    (
        "tpm2-protocol",
        &[
            "countersign-console",
            "countersign-tui",
            "countersign-desktop",
            "countersign-tests",
        ],
    ),
    (
        "cryptoki",
        &[
            "countersign-console",
            "countersign-tui",
            "countersign-desktop",
            "countersign-tests",
        ],
    ),
    // The backend calls nobody; it is called.
    (
        "reqwest",
        &[
            "countersign-client",
            "countersign-console",
            "countersign-tui",
            "countersign-desktop",
            "countersign-guard",
        ],
    ),
];

/// Words that reach the outside world. `use std::{fs, …}` is unfolded to `std::fs` before the search.
const IMPURE_WORDS: &[&str] = &[
    "std::fs",
    "std::net",
    "std::env",
    "std::process",
    "std::thread",
    "std::os",
    "io::stdin",
    "io::stdout",
    "io::stderr",
    "SystemTime",
    "Instant::now",
    "now_utc",
    "now_local",
    "UtcDateTime::now",
    "thread_rng",
    "OsRng",
    "SystemRandom",
    "getrandom",
    "println!",
    "eprintln!",
    "print!",
    "eprint!",
];

/// One edge of the graph that a rule forbids, in words for the one who broke it.
type Breach = String;

/// What the rules need to know of the workspace, apart from where it came from, so that a test can invent one.
#[derive(Default)]
struct Graph {
    /// For each own crate its direct dependencies (normal and build), own and foreign.
    direct: BTreeMap<String, BTreeSet<String>>,
    /// For each own crate its development dependencies.
    development: BTreeMap<String, BTreeSet<String>>,
    /// For each own crate everything it is linked from, however deep.
    whole: BTreeMap<String, BTreeSet<String>>,
}

#[test]
fn the_workspace_keeps_its_layers() {
    // One platform is enough for the arrows, and the crates of the others need not be on this machine.
    let options = ["--locked", "--filter-platform", "x86_64-unknown-linux-gnu"].map(String::from);
    let mut command = MetadataCommand::new();
    let metadata = command
        .manifest_path(root().join("Cargo.toml"))
        .other_options(options)
        .exec()
        .unwrap();
    let graph = graph_of(&metadata);
    assert_eq!(
        graph.direct.len(),
        ARROWS.len(),
        "own crates: {:?}",
        graph.direct.keys()
    );
    assert_eq!(breaches(&graph), Vec::<Breach>::new());
}

#[test]
fn the_pure_crates_reach_no_outside_world() {
    let mut found = Vec::new();
    let mut files = 0;
    for (package, _) in PURE {
        let folder = root()
            .join("core")
            .join(package.trim_start_matches("countersign-"))
            .join("src");
        for file in rust_files(&folder).unwrap() {
            files += 1;
            let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            let source = std::fs::read_to_string(&file).unwrap();
            found.extend(
                impure_words(&source)
                    .into_iter()
                    .map(|(line, word)| format!("{name}:{line}: `{word}`")),
            );
        }
    }
    assert!(files >= PURE.len(), "only {files} source files were found");
    assert_eq!(found, Vec::<String>::new());
}

/// Text that is not UTF-8 must not become one sign for all: two inputs would look alike. Tests may.
#[test]
fn nothing_from_outside_is_shown_with_loss() {
    let mut found = Vec::new();
    for folder in ["core", "tui", "desktop", "backend", "guard"] {
        for file in rust_files(&root().join(folder)).unwrap() {
            let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
            if !name.contains("/src/") || name.contains("/target/") {
                continue;
            }
            let source = std::fs::read_to_string(&file).unwrap();
            let production = source.split("#[cfg(test)]").next().unwrap_or_default();
            found.extend(
                (1..)
                    .zip(production.lines())
                    .filter(|(_, line)| line.contains("_lossy("))
                    .map(|(number, _)| format!("{name}:{number}")),
            );
        }
    }
    assert_eq!(
        found,
        Vec::<String>::new(),
        "show bytes by `Untrusted`, which escapes them"
    );
}

#[test]
fn each_rule_notices_its_breach() {
    for (from, to, expected) in [
        (
            "countersign-guard",
            "countersign-console",
            "may not depend on `countersign-console`",
        ),
        (
            "countersignd",
            "countersign-client",
            "may not depend on `countersign-client`",
        ),
        (
            "countersign-tui",
            "countersign-desktop",
            "may not depend on `countersign-desktop`",
        ),
        (
            "countersign-desktop",
            "countersign-tui",
            "may not depend on `countersign-tui`",
        ),
        (
            "countersign-policy",
            "countersign-review",
            "may not depend on `countersign-review`",
        ),
        (
            "countersign-protocol",
            "countersign-policy",
            "may not depend on `countersign-policy`",
        ),
        (
            "countersign-client",
            "countersign-console",
            "may not depend on `countersign-console`",
        ),
        (
            "countersign-protocol",
            "tokio",
            "is pure and may not depend on `tokio`",
        ),
        (
            "countersign-verify",
            "rand_core",
            "is pure and may not depend on `rand_core`",
        ),
        ("countersign-console", "ratatui", "may not link `ratatui`"),
        ("countersign-guard", "keyring", "may not link `keyring`"),
        (
            "countersign-newcomer",
            "serde",
            "has no row in the table of arrows",
        ),
    ] {
        let mut graph = lawful();
        graph
            .direct
            .entry(from.to_owned())
            .or_default()
            .insert(to.to_owned());
        graph
            .whole
            .entry(from.to_owned())
            .or_default()
            .insert(to.to_owned());
        let found = breaches(&graph);
        assert!(
            found
                .iter()
                .any(|breach| breach.contains(from) && breach.contains(expected)),
            "{from} → {to}: {found:?}"
        );
    }
}

#[test]
fn a_breach_by_a_development_dependency_is_noticed() {
    let mut graph = lawful();
    graph
        .development
        .entry("countersignd".to_owned())
        .or_default()
        .insert("countersign-console".to_owned());
    assert_eq!(breaches(&graph).len(), 1);
}

#[test]
fn a_deep_breach_is_noticed() {
    let mut graph = lawful();
    graph
        .whole
        .entry("countersignd".to_owned())
        .or_default()
        .insert("wry".to_owned());
    assert_eq!(breaches(&graph), ["`countersignd` may not link `wry`"]);
}

#[test]
fn a_lawful_graph_has_no_breach() {
    assert_eq!(breaches(&lawful()), Vec::<Breach>::new());
}

#[test]
fn the_scan_sees_code_and_not_comments_or_tests() {
    let source = "//! Never std::fs.\nuse std::{collections::BTreeMap, fs::File};\nfn a() {\n    let t = SystemTime::now();\n}\n\
                  #[cfg(test)]\nmod tests {\n    use std::env;\n}\nfn b() { std::net::lookup() }\n#[cfg(test)]\nuse std::thread;\n";
    assert_eq!(
        impure_words(source),
        [(2, "std::fs"), (4, "SystemTime"), (10, "std::net")]
    );
}

#[test]
fn the_scan_unfolds_a_group_over_several_lines() {
    let source = "use std::{\n    collections::BTreeMap,\n    fs::File,\n};\nmod env;\n";
    assert_eq!(impure_words(source), [(3, "std::fs")]);
}

#[test]
fn the_scan_is_not_deceived_by_a_longer_word() {
    assert_eq!(
        impure_words("fn my_std::fsx() {}\nlet not_now_utc = 1;\nlet getrandomness = 2;\n"),
        []
    );
}

/// Says every rule that the graph breaks; an empty answer is a pass.
fn breaches(graph: &Graph) -> Vec<Breach> {
    let mut found = Vec::new();
    for (package, dependencies) in &graph.direct {
        let Some((_, allowed)) = ARROWS.iter().find(|(name, _)| name == package) else {
            found.push(format!("`{package}` has no row in the table of arrows"));
            continue;
        };
        let development = graph.development.get(package).into_iter().flatten();
        for own in dependencies.iter().chain(development).filter(|name| is_own(name)) {
            if !allowed.contains(&own.as_str()) {
                found.push(format!("`{package}` may not depend on `{own}`"));
            }
        }
        let Some((_, allowed)) = PURE.iter().find(|(name, _)| name == package) else {
            continue;
        };
        for foreign in dependencies.iter().filter(|name| !is_own(name)) {
            if !allowed.contains(&foreign.as_str()) {
                found.push(format!("`{package}` is pure and may not depend on `{foreign}`"));
            }
        }
    }
    for (package, linked) in &graph.whole {
        for (confined, allowed) in CONFINED {
            // The tests' package links what it tests with; nobody installs it.
            if linked.contains(*confined)
                && !allowed.contains(&package.as_str())
                && package != "countersign-tests"
            {
                found.push(format!("`{package}` may not link `{confined}`"));
            }
        }
    }
    found
}

fn is_own(package: &str) -> bool {
    package.starts_with("countersign")
}

/// The smallest graph that uses every arrow.
fn lawful() -> Graph {
    let mut graph = Graph::default();
    for (package, allowed) in ARROWS {
        let names = |list: &[&str]| {
            list.iter()
                .map(|name| (*name).to_owned())
                .collect::<BTreeSet<_>>()
        };
        graph.direct.insert((*package).to_owned(), names(allowed));
        graph.whole.insert((*package).to_owned(), names(allowed));
    }
    graph
}

fn graph_of(metadata: &Metadata) -> Graph {
    let mut graph = Graph::default();
    let name_of: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.to_string()))
        .collect();
    let linked: BTreeMap<_, Vec<_>> = metadata
        .resolve
        .iter()
        .flat_map(|resolve| &resolve.nodes)
        .map(|node| {
            let normal = node.deps.iter().filter(|edge| {
                edge.dep_kinds
                    .iter()
                    .any(|kind| kind.kind == DependencyKind::Normal)
            });
            (&node.id, normal.map(|edge| &edge.pkg).collect())
        })
        .collect();
    for package in metadata.workspace_packages() {
        let name = package.name.to_string();
        let of_kind = |development: bool| -> BTreeSet<String> {
            let kind = package.dependencies.iter();
            kind.filter(|edge| (edge.kind == DependencyKind::Development) == development)
                .map(|edge| edge.name.clone())
                .collect()
        };
        graph.direct.insert(name.clone(), of_kind(false));
        graph.development.insert(name.clone(), of_kind(true));

        let mut seen = BTreeSet::from([&package.id]);
        let mut waiting = vec![&package.id];
        while let Some(id) = waiting.pop() {
            for next in linked.get(id).into_iter().flatten() {
                if seen.insert(next) {
                    waiting.push(next);
                }
            }
        }
        graph.whole.insert(
            name,
            seen.into_iter()
                .filter_map(|id| name_of.get(id).cloned())
                .collect(),
        );
    }
    graph
}

fn root() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_path_buf()
}

/// All sources below `folder` except modules that exist for tests only (`tests.rs`, `tests/`).
fn rust_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Finds the impure words of one file with their lines, leaving out comments and what `#[cfg(test)]` guards.
fn impure_words(source: &str) -> Vec<(usize, &'static str)> {
    let mut found = Vec::new();
    let mut lines = source.lines().enumerate();
    let mut in_std_group = false;
    while let Some((index, line)) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            // The formatter puts the closing brace of an item at the column where the item began.
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indent}}}");
            let guarded = lines.next().map_or("", |(_, guarded)| guarded);
            if !guarded.trim_end().ends_with([';', '}']) {
                lines.by_ref().find(|(_, guarded)| *guarded == end);
            }
            continue;
        }
        let code = line.split("//").next().unwrap_or_default();
        let mut unfolded = code.to_owned();
        let opened = code.split_once("use std::{").map(|(_, group)| group);
        in_std_group |= opened.is_some();
        if in_std_group {
            let items = opened
                .unwrap_or(code)
                .split(',')
                .map(|item| format!(" std::{}", item.trim()));
            unfolded.extend(items);
            in_std_group = !code.contains(';');
        }
        let words = IMPURE_WORDS.iter().filter(|word| has_word(&unfolded, word));
        found.extend(words.map(|word| (index + 1, *word)));
    }
    found
}

/// Whether `word` stands in `code` by itself, not as a piece of a longer name.
fn has_word(code: &str, word: &str) -> bool {
    let part_of_name = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).any(|(start, _)| {
        let before = code[..start].chars().next_back();
        let after = code[start + word.len()..].chars().next();
        !before.is_some_and(part_of_name) && (word.ends_with('!') || !after.is_some_and(part_of_name))
    })
}
