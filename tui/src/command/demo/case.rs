//! The cases of the demonstration: what an agent asks for, and what stands at the target first.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::command::failure::Failure;
use crate::command::file;

/// One case with its files.
#[derive(Debug)]
pub struct Case {
    /// What `case.toml` says.
    pub spec: Spec,
    files: BTreeMap<String, Vec<u8>>,
}

/// `case.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name.
    pub id: String,
    /// One line about it.
    pub title: String,
    /// The kind of action.
    pub kind: String,
    /// Who asks.
    pub agent: String,
    /// On whose behalf, as the agent claims.
    #[serde(default)]
    pub initiator: Option<String>,
    /// Why, as the agent claims.
    pub reason: String,
    /// The ticket, as the agent claims.
    #[serde(default)]
    pub ticket: Option<String>,
    /// What is changed.
    pub target: String,
    /// The documents.
    #[serde(default)]
    pub files: Files,
    /// The command.
    #[serde(default)]
    pub exec: Option<Exec>,
    /// What stands in the folder first.
    #[serde(default)]
    pub tree: Vec<Leaf>,
}

/// Documents of a case, as names of files beside `case.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// What stands at the target first.
    pub before: Option<String>,
    /// What is proposed.
    pub after: Option<String>,
    /// What makes the database.
    pub schema: Option<String>,
}

/// A command.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Where it runs.
    pub cwd: String,
    /// It.
    pub argv: Vec<String>,
}

/// A file that stands in the folder first.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// Its path in the folder.
    pub path: String,
    /// The file beside `case.toml` with its content.
    pub source: String,
    /// Days since its last change.
    #[serde(default)]
    pub age_days: u64,
}

impl Case {
    /// One of its files.
    pub fn file(&self, name: &str) -> Result<&[u8], Failure> {
        self.files
            .get(name)
            .map(Vec::as_slice)
            .ok_or_else(|| Failure::usage(format!("case `{}` has no file `{name}`", self.spec.id), ""))
    }
}

macro_rules! embedded {
    ($($folder:literal: [$($file:literal),*];)*) => {
        &[$(($folder, include_str!(concat!("../../../../assets/demo/", $folder, "/case.toml")),
            &[$(($file, include_bytes!(concat!("../../../../assets/demo/", $folder, "/", $file)).as_slice())),*])),*]
    };
}

/// Folder, specification and files.
type Embedded = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static [u8])],
);

const EMBEDDED: &[Embedded] = embedded! {
    "config-file": ["before.ini", "after.ini"];
    "sql": ["schema.sql", "migration.sql"];
    "exec": ["tree/access.log", "tree/error.log", "tree/audit.jsonl", "tree/HOLD.txt"];
    "terraform-plan": ["plan.json"];
    "k8s": ["before.yaml", "after.yaml"];
    "s3": ["before.json", "after.json"];
};

/// The built-in cases, or those of a folder.
pub fn load(folder: Option<&Path>) -> Result<Vec<Case>, Failure> {
    let Some(folder) = folder else {
        return EMBEDDED
            .iter()
            .map(|(name, text, files)| {
                let files = files
                    .iter()
                    .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()))
                    .collect();
                Ok(Case {
                    spec: parse(name, text)?,
                    files,
                })
            })
            .collect();
    };
    let mut folders: Vec<_> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join("case.toml").is_file())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(Failure::usage(
            format!("`{}` holds no folder with a `case.toml`", folder.display()),
            "",
        ));
    }
    folders.iter().map(|folder| from_folder(folder)).collect()
}

fn from_folder(folder: &Path) -> Result<Case, Failure> {
    let spec = parse(
        &folder.display().to_string(),
        &file::read_text(&folder.join("case.toml"))?,
    )?;
    let mut files = BTreeMap::new();
    let documents = [&spec.files.before, &spec.files.after, &spec.files.schema];
    let names = documents
        .into_iter()
        .flatten()
        .chain(spec.tree.iter().map(|leaf| &leaf.source));
    for name in names {
        files.insert(name.clone(), file::read(&folder.join(name))?);
    }
    Ok(Case { spec, files })
}

fn parse(name: &str, text: &str) -> Result<Spec, Failure> {
    toml::from_str(text).map_err(|error| Failure::usage(format!("case `{name}`: {error}"), ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn built_in_cases_are_whole() {
        let cases = load(None).unwrap();
        assert_eq!(cases.len(), 6);
        for case in &cases {
            let documents = [
                &case.spec.files.before,
                &case.spec.files.after,
                &case.spec.files.schema,
            ];
            let names = documents
                .into_iter()
                .flatten()
                .chain(case.spec.tree.iter().map(|leaf| &leaf.source));
            for name in names {
                assert!(!case.file(name).unwrap().is_empty());
            }
            countersign_protocol::kind::Kind::named(&case.spec.kind).unwrap();
        }
    }

    #[test]
    fn a_misspelt_case_is_refused() {
        assert!(parse("x", "id = 'a'\ntitel = 'b'").is_err());
    }
}
