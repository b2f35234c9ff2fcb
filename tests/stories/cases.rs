//! Every real case goes the whole way: proposed, reviewed, signed, applied onto a throw-away copy, verified.
//!
//! `COUNTERSIGN_CASES` names a folder with a `manifest.json` and the files it lists; without it this says so and
//! is skipped.

use std::path::{Path, PathBuf};

use countersign_protocol::decision::Verdict;
use countersign_protocol::request::Phase;
use countersign_tests::{Organisation, Setup};
use countersign_verify::Purpose;
use serde::Deserialize;

const ONE: &str = r#"
@id("ask") permit (principal, action == Action::"propose", resource);
@id("review") permit (principal, action == Action::"approve", resource);
@id("one") permit (principal, action == Action::"execute", resource) when { context.approvals.count >= 1 };
"#;

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    kind: String,
    before: Option<PathBuf>,
    after: PathBuf,
}

#[test]
fn every_real_case_goes_the_whole_way() {
    let Some(folder) = std::env::var_os("COUNTERSIGN_CASES").map(PathBuf::from) else {
        eprintln!("skipped: `COUNTERSIGN_CASES` names no folder of real cases");
        return;
    };
    let manifest: Manifest =
        serde_json::from_slice(&std::fs::read(folder.join("manifest.json")).unwrap()).unwrap();
    assert!(!manifest.cases.is_empty());
    let organisation = Organisation::with(&Setup {
        policy: Some(ONE),
        ..Setup::default()
    });
    for case in &manifest.cases {
        go_the_whole_way(&organisation, &folder, case);
    }
}

fn go_the_whole_way(organisation: &Organisation, folder: &Path, case: &Case) {
    let name = format!(
        "{}-{}",
        case.id,
        case.after.file_name().unwrap().to_string_lossy()
    );
    let target = organisation.work(&name);
    if let Some(before) = &case.before {
        std::fs::copy(folder.join(before), &target).unwrap();
    }
    let wanted = std::fs::read(folder.join(&case.after)).unwrap();
    let after = organisation.write(&format!("new-{name}"), &wanted);
    let client = organisation.agent(&[
        "apply",
        "--kind",
        &case.kind,
        "--path",
        target.to_str().unwrap(),
        "--after",
        after.to_str().unwrap(),
        "--reason",
        &case.id,
        "--json",
    ]);
    let id = organisation.wait_for(Phase::Pending);
    let chain = organisation.chain(id);
    assert_eq!(
        chain.request.kind.id(),
        countersign_protocol::kind::Kind::named(&case.kind).unwrap().id(),
        "{}",
        case.id
    );
    assert!(
        chain.sheet.text().chars().all(|c| c == '\n' || !c.is_control()),
        "{}",
        case.id
    );
    organisation.decide(id, "alex", Verdict::Approve).unwrap();
    let ended = client.finish();
    assert_eq!(ended.code, Some(0), "{}: {}", case.id, ended.stderr);
    assert_eq!(std::fs::read(&target).unwrap(), wanted, "{}", case.id);
    let record = organisation.wait_until(id, Phase::Succeeded);
    let report = organisation.judge(&record, Purpose::Audit);
    let unlogged_only = report.problems.is_empty();
    assert!(unlogged_only, "{}: {:?}", case.id, report.problems);
}
