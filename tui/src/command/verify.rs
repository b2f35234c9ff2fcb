//! `countersign verify`: judges an evidence file, with no network and no secret.

use std::path::Path;

use countersign_client::now;
use countersign_client::trust::TrustStore;
use countersign_console::home::Home;
use countersign_protocol::api::TrustDocument;
use countersign_protocol::bundle::Evidence;
use countersign_protocol::canonical;
use countersign_protocol::digest::RootId;
use countersign_protocol::grant::Grant;
use countersign_protocol::root::TrustedRoot;
use countersign_protocol::signed::Verified;
use countersign_verify::account::{Checked, Standing};
use countersign_verify::{Account, Chain, Pinned, Problem, Purpose, Report, verify};
use serde_json::{Value, json};

use super::failure::Failure;
use super::output::{self, shown};
use super::show::{amended, amendment, amendments, decisions};
use super::{file, list};
use crate::cli::Verify;

pub fn run(options: &Verify) -> Result<(), Failure> {
    let evidence = match Evidence::from_json(&file::read(&options.file)?) {
        Ok(evidence) => evidence,
        Err(error) => {
            return Err(Failure::no(format!(
                "`{}` is no evidence: {error}",
                options.file.display()
            )));
        }
    };
    let root = match &options.trust {
        Some(file) => Some(root_in(file)?),
        None => pinned_here(),
    };
    let report = judge(&evidence, root);
    if options.json {
        output::json(&document(&report))?;
    } else {
        for line in text(&report) {
            output::say(&line)?;
        }
    }
    if report.is_valid() {
        Ok(())
    } else {
        Err(Failure::no("the evidence is not valid"))
    }
}

/// Judges evidence against a root. Without one it is still looked at, but never valid: anybody can make a root.
pub fn judge(evidence: &Evidence, root: Option<RootId>) -> Report {
    match root {
        Some(root) => verify(evidence, &Pinned::new(root), now(), Purpose::Audit),
        None => {
            let untrusted = Problem::unpinned("name one with `--trust FILE`");
            let mut report = match evidence.roots.first() {
                Some(first) => verify(
                    evidence,
                    &Pinned::new(TrustedRoot::id_of(first)),
                    now(),
                    Purpose::Audit,
                ),
                None => Report {
                    problems: Vec::new(),
                    chain: None,
                },
            };
            report.problems.insert(0, untrusted);
            report
        }
    }
}

fn pinned_here() -> Option<RootId> {
    let home = Home::from_environment().ok()?;
    Some(TrustStore::open(&home.trust_folder()).ok()?.root_id())
}

/// The root that a file names: its digits, a trust document, or a trust store.
fn root_in(path: &Path) -> Result<RootId, Failure> {
    let bytes = file::read(path)?;
    let digits = std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.trim().parse().ok());
    let of_document = || {
        let document: TrustDocument = canonical::parse_within(&bytes, bytes.len()).ok()?;
        document.roots.first().map(TrustedRoot::id_of)
    };
    let of_store = || {
        let folder = path.parent()?;
        let is_store = path.file_name()? == "store.json";
        is_store
            .then(|| TrustStore::open(folder).ok())?
            .map(|store| store.root_id())
    };
    digits.or_else(of_document).or_else(of_store).ok_or_else(|| {
        Failure::usage(
            format!("`{}` names no root", path.display()),
            "give a file with the root's 64 digits, a trust document, or a trust store's `store.json`",
        )
    })
}

/// The answer for people.
pub fn text(report: &Report) -> Vec<String> {
    let mut lines = vec![if report.is_valid() {
        "valid".to_owned()
    } else {
        "NOT VALID".to_owned()
    }];
    if let Some(chain) = &report.chain {
        lines.push(chain.sheet.sentence().to_owned());
        for checked in &chain.decisions {
            let void = checked
                .void
                .as_ref()
                .map(|why| format!(", void: {}", shown(why.as_str())))
                .unwrap_or_default();
            let remembered = if checked.decision.pin_remembered {
                ", its PIN remembered"
            } else {
                ""
            };
            lines.push(format!(
                "{} {}, with a key that is {}{remembered}{void}",
                checked.vote.person,
                match checked.vote.verdict.word() {
                    "approve" => "approved",
                    _ => "denied",
                },
                checked.vote.assurance.word(),
            ));
        }
        lines.extend(amendments(chain));
        lines.push(format!("outcome: {}", outcome(chain)));
        if let (Some(index), Some(checkpoint)) = (chain.log.request_index, &chain.log.checkpoint) {
            lines.push(format!(
                "log: the request is entry {index} of {}, under a checkpoint with {} witnesses{}",
                checkpoint.size,
                chain.log.witnesses,
                if chain.log.witnesses == 0 {
                    "; consistent with what these signers saw"
                } else {
                    ""
                },
            ));
        }
        lines.push(if chain.is_four_eyes() {
            "four eyes: somebody else than the askers approved".to_owned()
        } else if chain.request.personal {
            "not four eyes: a person supervised their own agent".to_owned()
        } else {
            "not four eyes: no approval counts".to_owned()
        });
    }
    for problem in &report.problems {
        lines.push(format!(
            "problem: {}: {}",
            problem.code,
            shown(problem.message.as_str())
        ));
    }
    let account = Account::of(report);
    lines.extend(account.steps.iter().map(step));
    lines.extend(
        account
            .unproven
            .iter()
            .map(|what| format!("not proven: {}", shown(what.as_str()))),
    );
    lines
}

fn step(checked: &Checked) -> String {
    let name = checked.step.word();
    match checked.standing {
        Standing::Holds => format!("holds: {name}: {}", checked.step.checked()),
        Standing::Fails => format!("FAILS: {name}"),
        Standing::Absent => format!("none: {name}"),
        Standing::NotReached => format!("not checked: {name}"),
    }
}

/// The answer for programs.
pub fn document(report: &Report) -> Value {
    let chain = report.chain.as_ref();
    let account = Account::of(report);
    json!({
        "schema": "countersign/verification/v1",
        "valid": report.is_valid(),
        "request": chain.map(|chain| chain.request.id),
        "action_digest": chain.map(|chain| chain.request.action_digest),
        "four_eyes": chain.is_some_and(Chain::is_four_eyes),
        "personal": chain.map(|chain| chain.request.personal),
        "isolation": chain.map(|chain| chain.request.isolation),
        "decisions": chain.map(decisions).unwrap_or_default(),
        "amended": chain.map(amended).unwrap_or_default(),
        "amendment": chain.and_then(amendment),
        "grant": chain.and_then(|chain| chain.grant.as_ref()).map(Verified::<Grant>::grant_digest),
        "outcome": chain.map(outcome),
        "log": chain.map(|chain| json!({
            "origin": chain.log.origin,
            "index": chain.log.request_index,
            "size": chain.log.checkpoint.map(|checkpoint| checkpoint.size),
            "witnesses": chain.log.witnesses,
        })),
        "as_of": chain.and_then(|chain| chain.log.newest_leaf),
        "problems": list::problems(&report.problems),
        "steps": account.steps.iter().map(step_document).collect::<Vec<_>>(),
        "not_proven": account.unproven,
    })
}

fn outcome(chain: &Chain) -> &'static str {
    chain.state.phase().word()
}

fn step_document(checked: &Checked) -> Value {
    json!({
        "step": checked.step.word(),
        "standing": match checked.standing {
            Standing::Holds => "holds",
            Standing::Fails => "fails",
            Standing::Absent => "absent",
            Standing::NotReached => "not-checked",
        },
        "facts": checked.facts.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect::<Vec<_>>(),
    })
}
