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
        recognise(kind, bytes, &RandomState::new()).map(|(format, _)| format)
    }
}

/// A file as it was read to find its format.
pub(super) type Recognised<'a, 'h> = (Format, Option<(Vec<Tree<'a>>, Grower<'h>)>);

/// Finds the format of a file, and gives what had to be read of it for that, so that nobody reads it again.
pub(super) fn recognise<'a, 'h>(
    kind: &str,
    bytes: &'a [u8],
    hash: &'h RandomState,
) -> Option<Recognised<'a, 'h>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let name = kind.rsplit(['/', '.']).next().unwrap_or(kind);
    let stated = match name {
        "json" | "tfplan" => Some(Format::Json),
        "yaml" | "yml" | "workflow" | "k8s" | "k8s-rbac" => Some(Format::Yaml),
        "toml" => Some(Format::Toml),
        "hcl" | "tf" | "tfvars" => Some(Format::Hcl),
        "sql" => Some(Format::Sql),
        "env" => Some(Format::Env),
        _ => None,
    };
    // JSON is YAML, and more is known of it.
    if matches!(stated, None | Some(Format::Yaml)) {
        let start = text.trim_start();
        if start.starts_with('{') {
            return Some((Format::Json, None));
        }
        // A table of TOML begins with a bracket too.
        if start.starts_with('[')
            && let Some(read) = Format::Json.fitting(text, hash)
        {
            return Some((Format::Json, Some(read)));
        }
    }
    if let Some(stated) = stated {
        return Some((stated, None));
    }
    [Format::Env, Format::Toml, Format::Hcl, Format::Yaml]
        .into_iter()
        .find_map(|format| Some((format, Some(format.fitting(text, hash)?))))
}

impl Format {
    /// Reads a text that is in the format, and more than by chance.
    fn fitting<'a, 'h>(self, text: &'a str, hash: &'h RandomState) -> Option<(Vec<Tree<'a>>, Grower<'h>)> {
        let mut grower = Grower::new(hash);
        let documents = read::read(self, text, &mut grower).ok()?;
        let fits = documents.iter().any(|tree| {
            !tree.entries().is_empty() || tree.items().iter().any(Tree::is_container) || self == Self::Json
        });
        fits.then_some((documents, grower))
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
