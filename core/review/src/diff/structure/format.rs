//! Which syntax a file has, from its kind of action and its bytes, and what is written in it.

use super::read;
use super::tree::{Grower, Tree};
use std::hash::RandomState;

/// A syntax that can be compared by structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// JSON.
    Json,
    /// YAML, any number of documents.
    Yaml,
    /// TOML.
    Toml,
    /// HCL, the language of Terraform and OpenTofu.
    Hcl,
    /// SQL statements.
    Sql,
    /// Assignments of environment variables.
    Env,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 6] = [
        Self::Json,
        Self::Yaml,
        Self::Toml,
        Self::Hcl,
        Self::Sql,
        Self::Env,
    ];

    /// Returns the name of the format.
    pub fn id(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Hcl => "hcl",
            Self::Sql => "sql",
            Self::Env => "env",
        }
    }

    /// Finds the format of a file of some kind of action. Its id, an extension or a file name are kinds too.
    pub fn detect(kind: &str, bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let name = kind.rsplit(['/', '.']).next().unwrap_or(kind);
        let stated = match name {
            "json" | "tfplan" => Some(Self::Json),
            "yaml" | "yml" | "workflow" | "k8s" | "k8s-rbac" => Some(Self::Yaml),
            "toml" => Some(Self::Toml),
            "hcl" | "tf" | "tfvars" => Some(Self::Hcl),
            "sql" => Some(Self::Sql),
            "env" => Some(Self::Env),
            _ => None,
        };
        // JSON is YAML, and more is known of it.
        if matches!(stated, None | Some(Self::Yaml)) {
            let start = text.trim_start();
            // A table of TOML begins with a bracket too.
            if start.starts_with('{') || start.starts_with('[') && Self::Json.fits(text) {
                return Some(Self::Json);
            }
        }
        stated.or_else(|| {
            [Self::Env, Self::Toml, Self::Hcl, Self::Yaml]
                .into_iter()
                .find(|format| format.fits(text))
        })
    }

    /// Says whether a text is in the format, and more than by chance.
    fn fits(self, text: &str) -> bool {
        let hash = RandomState::new();
        match read::read(self, text, &mut Grower::new(&hash)) {
            Ok(documents) => documents.iter().any(|tree| {
                !tree.entries().is_empty()
                    || tree.items().iter().any(Tree::is_container)
                    || self == Self::Json
            }),
            Err(_) => false,
        }
    }
}

/// Says what a document is, where that is known.
pub(super) fn shape(documents: &[Tree<'_>]) -> &'static str {
    let first = documents.first();
    let has = |key: &str| first.is_some_and(|tree| tree.at(key).is_some());
    if has("resource_changes") && has("format_version") {
        "terraform plan"
    } else if has("Statement") {
        "policy"
    } else if has("apiVersion") && has("kind") {
        "kubernetes"
    } else {
        ""
    }
}
