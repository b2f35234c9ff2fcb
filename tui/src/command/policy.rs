//! `countersign policy`: check, try, explain and sign policies.

use std::path::{Path, PathBuf};
use std::time::Duration;

use countersign_client::now;
use countersign_client::trust::{TrustStore, Trusted};
use countersign_console::organisation as org;
use countersign_policy::PolicySet;
use countersign_protocol::identity::{RequestId, Role};
use countersign_protocol::policy_bundle::{Limits, PolicyBundle, PolicyFile, TrustedBundle};
use countersign_protocol::signed::{Envelope, Signed};
use countersign_protocol::text::{Bounded, Line};

use super::failure::{Code, Failure};
use super::{file, later, output, owner, session, statement};
use crate::cli::{Policy, PolicySign};

/// The sample for small teams, as files by name.
pub fn small_team() -> Vec<(String, String)> {
    [
        (
            "propose.cedar",
            include_str!("../../../assets/policies/small-team/propose.cedar"),
        ),
        (
            "approve.cedar",
            include_str!("../../../assets/policies/small-team/approve.cedar"),
        ),
        (
            "execute.cedar",
            include_str!("../../../assets/policies/small-team/execute.cedar"),
        ),
    ]
    .map(|(name, text)| (name.to_owned(), text.to_owned()))
    .to_vec()
}

/// The sample for one person and their own agents.
pub fn personal() -> Vec<(String, String)> {
    let text = include_str!("../../../assets/policies/personal/personal.cedar");
    vec![("personal.cedar".to_owned(), text.to_owned())]
}

pub async fn run(config: Option<&Path>, chosen: Policy) -> Result<(), Failure> {
    match chosen {
        Policy::Check { files } => check(&files),
        Policy::Test { files, scenarios } => test(&files, &scenarios),
        Policy::Explain { id } => explain(config, id).await,
        Policy::Sign(options) => sign(config, options).await,
        Policy::Replay(_) => later("policy replay"),
    }
}

fn check(paths: &[PathBuf]) -> Result<(), Failure> {
    let set = compile(&read_all(paths)?)?;
    output::say(&format!("{} policies fit the schema", set.titles().len()))
}

fn test(paths: &[PathBuf], scenarios: &[PathBuf]) -> Result<(), Failure> {
    let set = compile(&read_all(paths)?)?;
    let beside = paths
        .iter()
        .map(|path| path.join("scenarios.toml"))
        .filter(|path| path.is_file());
    let all: Vec<PathBuf> = if scenarios.is_empty() {
        beside.collect()
    } else {
        scenarios.to_vec()
    };
    if all.is_empty() {
        return Err(Failure::usage(
            "there are no scenarios",
            "name them with `--scenarios FILE`",
        ));
    }
    let mut passed = true;
    for path in all {
        let report = set
            .test(&file::read_text(&path)?)
            .map_err(|error| Failure::usage(format!("`{}`: {error}", path.display()), ""))?;
        output::say(report.text().trim_end())?;
        passed &= report.passed();
    }
    if passed {
        Ok(())
    } else {
        Err(Failure::no("not every scenario went as expected"))
    }
}

async fn explain(config: Option<&Path>, id: RequestId) -> Result<(), Failure> {
    let inbox = session::inbox(config)?;
    let opened = inbox.fetch(id).await?;
    let Some(chain) = opened.report.chain.as_ref().filter(|_| opened.report.is_valid()) else {
        return Err(Failure::new(
            Code::Refused,
            "the evidence of this request does not hold",
            "`countersign show ID` says what is wrong",
        ));
    };
    let explanation = chain
        .policy
        .explain(&chain.judgement.operation, &chain.directory, now());
    output::say(explanation.text().trim_end())
}

async fn sign(config: Option<&Path>, options: PolicySign) -> Result<(), Failure> {
    let (home, _) = session::configuration(config)?;
    let keys = owner::signing_keys(config, Role::PolicyOwner, &options.key)?;
    let existing = match options.files.as_slice() {
        [one] if one.extension().is_some_and(|ending| ending == "json") => {
            Some(file::read_json::<Envelope>(one)?)
        }
        _ => None,
    };
    let trusted = TrustStore::open(&home.trust_folder())?.trusted()?;
    let unsigned = match existing {
        Some(envelope) => envelope,
        None => org::seal(&next_bundle(&trusted, &options)?, &[])?,
    };
    let next = Signed::<PolicyBundle>::from(unsigned.clone())
        .unproven_for_signing()
        .map_err(|error| Failure::new(Code::Refused, error.to_string(), "nothing was signed"))?;
    PolicySet::compile(&next.policies, &next.freezes, next.limits)
        .map_err(|error| Failure::no(error.to_string()))?;
    statement::say_policy_change(&trusted.policy, &next)?;
    let envelope = owner::sign::<PolicyBundle>(unsigned, &keys, &options.pin)?;
    file::write_json(&options.output, &envelope)?;
    output::say(&format!("signed {}", options.output.display()))?;
    if options.publish {
        let inbox = session::inbox(config)?;
        let (root, seen) = (
            session::newest_root(&inbox).await?,
            inbox.store().pinned().policy_seen,
        );
        TrustedBundle::accept(&root, &envelope, seen).map_err(|error| {
            Failure::new(
                Code::Refused,
                error.to_string(),
                "other owners sign with `countersign policy sign FILE.json`",
            )
        })?;
        inbox.backend().publish_policy(envelope).await?;
        output::say("the backend took it")?;
    }
    Ok(())
}

/// The bundle after the one in force, with other policies.
fn next_bundle(trusted: &Trusted, options: &PolicySign) -> Result<PolicyBundle, Failure> {
    let files = read_all(&options.files)?;
    let validity = Duration::from_secs(u64::from(options.days) * 24 * 3600);
    Ok(org::bundle(
        *trusted.root.id(),
        trusted.policy.version + 1,
        &files,
        trusted.policy.freezes.clone(),
        trusted.policy.limits,
        now(),
        validity,
    )?)
}

/// Policy files by name: those named, and those in folders named, sorted.
pub fn read_all(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(path)?
                .map(|entry| entry.map(|entry| entry.path()))
                .collect::<Result<_, _>>()?;
            inside.sort();
            files.extend(
                inside
                    .into_iter()
                    .filter(|path| path.extension().is_some_and(|ending| ending == "cedar")),
            );
        } else {
            files.push(path.clone());
        }
    }
    if files.is_empty() {
        return Err(Failure::usage(
            "no policy file is there",
            "name `.cedar` files or folders of them",
        ));
    }
    files
        .iter()
        .map(|path| {
            Ok((
                path.file_name().unwrap_or_default().display().to_string(),
                file::read_text(path)?,
            ))
        })
        .collect()
}

fn compile(files: &[(String, String)]) -> Result<PolicySet, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::no(error.to_string());
    let mut sources = Vec::new();
    for (name, text) in files {
        sources.push(PolicyFile {
            name: Line::new(name.as_str()).map_err(|error| wrong(&error))?,
            text: Bounded::new(text.as_str()).map_err(|error| wrong(&error))?,
        });
    }
    PolicySet::compile(&sources, &[], Limits::default()).map_err(|error| wrong(&error))
}
