//! Model promotions: was this version evaluated, against what, and where does it come from.

use super::fact::Facts;
use crate::document::{Node, Place, Value};
use crate::findings::name::plain;
use crate::findings::observation::quote;
use crate::findings::{Change, Delta, Observation, Outcome, Severity, Side, rule};
use std::collections::BTreeMap;

const VERSION: &[&str] = &[
    "toversion",
    "version",
    "modelversion",
    "newversion",
    "model",
    "modelid",
];
const EVALUATION: &[&str] = &[
    "evaluation",
    "evaluations",
    "metrics",
    "evalreport",
    "evaluationreport",
    "evals",
];
const LINEAGE: &[&str] = &[
    "lineage",
    "trainingdata",
    "dataset",
    "datasetversion",
    "parent",
    "basemodel",
];
const DIGEST: &[&str] = &["digest", "sha256", "artifactdigest", "signature", "checksum"];
const TRAFFIC: &[&str] = &[
    "traffic",
    "trafficpercent",
    "trafficshare",
    "weight",
    "canarypercent",
];

/// Parts of names of metrics of which less is better.
const LESS_IS_BETTER: &[&str] = &[
    "loss",
    "error",
    "rmse",
    "mae",
    "mse",
    "wer",
    "perplexity",
    "latency",
    "toxicity",
    "falsepositive",
    "falsenegative",
    "cost",
    "hallucination",
];

pub(super) fn observe(facts: &Facts<'_>, seen: &mut Vec<Observation>) -> Outcome {
    let Some((place, version)) = version(facts) else {
        return Outcome::NotMine;
    };
    let shown = quote(version.text().unwrap_or("?"));
    let mut add = |about: &'static rule::Rule, key: &str, what: String| {
        seen.push(Observation::new(about, key, what).at(place, version.line));
    };
    let has = |names: &[&str]| facts.named(names).any(|(_, _, value)| is_set(value));
    if !has(EVALUATION) {
        let what = format!("model {shown} comes without a record of evaluation");
        add(&rule::MODEL_NOT_EVALUATED, "evaluation", what);
    }
    if !has(LINEAGE) {
        let what = format!("where model {shown} comes from is not stated");
        add(&rule::MODEL_NO_LINEAGE, "lineage", what);
    }
    if !has(DIGEST) {
        let what = format!("no digest says which bytes model {shown} is");
        add(&rule::MODEL_NO_DIGEST, "digest", what);
    }
    evaluation(facts, version, seen);
    runs_code(facts, seen);
    tested_on_training(facts, seen);
    for (name, place, value) in facts.named(TRAFFIC) {
        if number(value).is_some_and(|share| share >= 100.0) {
            let what = format!(
                "{} is {}: all traffic moves at once",
                quote(name),
                quote(value.text().unwrap_or_default())
            );
            seen.push(Observation::new(&rule::MODEL_ALL_AT_ONCE, name.clone(), what).at(place, value.line));
        }
    }
    Outcome::Analyzed
}

/// Returns the version that is promoted, the surest name first, never one that an evaluation states of itself.
fn version<'b, 'a>(facts: &'b Facts<'a>) -> Option<(&'b Place, &'a Value)> {
    VERSION.iter().find_map(|wanted| {
        let mut named = facts
            .all()
            .filter(|(name, place, _)| name == wanted && !in_evaluation(place));
        named.next().map(|(_, place, value)| (place, *value))
    })
}

fn in_evaluation(place: &Place) -> bool {
    place
        .pointer
        .split('/')
        .any(|part| EVALUATION.contains(&plain(part).as_str()))
}

fn evaluation(facts: &Facts<'_>, version: &Value, seen: &mut Vec<Observation>) {
    for (name, place, value) in facts.all().filter(|(_, place, _)| in_evaluation(place)) {
        let of = matches!(
            name.as_str(),
            "modelversion" | "version" | "ofversion" | "evaluatedversion"
        );
        if of && value.text().is_some() && version.text().is_some() && value.text() != version.text() {
            let what = format!(
                "the evaluation is of {}, not of {}",
                quote(value.text().unwrap_or_default()),
                quote(version.text().unwrap_or_default())
            );
            seen.push(Observation::new(&rule::MODEL_EVALUATION_STALE, "", what).at(place, value.line));
        }
        let verdict = matches!(name.as_str(), "passed" | "success" | "ok" | "approved");
        let failed = value
            .text()
            .is_some_and(|text| matches!(text.to_ascii_lowercase().as_str(), "failed" | "fail" | "rejected"));
        if verdict && value.is_false() || failed && matches!(name.as_str(), "status" | "result" | "verdict") {
            let what = format!(
                "the evaluation says {} is {}",
                quote(name),
                quote(&text_of(value))
            );
            seen.push(
                Observation::new(&rule::MODEL_EVALUATION_FAILED, name.clone(), what).at(place, value.line),
            );
        }
    }
    let (metrics, baseline) = (
        numbers(facts, &["metrics", "candidate"]),
        numbers(facts, &["baseline", "previous", "current", "champion"]),
    );
    for (name, (new, place, line)) in &metrics {
        let Some((old, ..)) = baseline.get(name) else {
            continue;
        };
        let less_is_better = LESS_IS_BETTER.iter().any(|part| name.contains(part));
        let lost = if less_is_better { new - old } else { old - new };
        let share = lost / old.abs().max(f64::MIN_POSITIVE);
        if share > 0.005 {
            let severity = if share > 0.05 {
                Severity::High
            } else {
                Severity::Medium
            };
            let what = format!("{} goes from {old} to {new}, which is worse", quote(name));
            let seen_here = Observation::new(&rule::MODEL_WORSE, name.clone(), what);
            seen.push(seen_here.severity(severity).at(place, *line));
        }
    }
}

/// Observes formats and switches by which loading the model runs code.
fn runs_code(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    const FORMATS: &[&str] = &["pickle", "pkl", "joblib", "dill", "cloudpickle", "marshal"];
    const ENDS: &[&str] = &[".pkl", ".pickle", ".joblib", ".dill", ".pt", ".pth"];
    for (name, place, value) in facts.all() {
        let text = value.text().unwrap_or_default().to_ascii_lowercase();
        let format = matches!(name.as_str(), "format" | "serialization" | "artifactformat")
            && FORMATS.contains(&text.as_str());
        let file = matches!(
            name.as_str(),
            "artifact" | "artifacturi" | "uri" | "path" | "file" | "modelfile" | "weights"
        ) && ENDS.iter().any(|end| text.ends_with(end));
        let trusts = matches!(
            name.as_str(),
            "trustremotecode" | "allowpickle" | "allowunsafe" | "unsafe" | "allowdangerousdeserialization"
        ) && value.is_true()
            || matches!(name.as_str(), "weightsonly" | "safemode") && value.is_false();
        if format || file || trusts {
            let what = format!(
                "{} is {}: loading the model runs what stands in it",
                quote(name),
                quote(&text_of(value))
            );
            seen.push(Observation::new(&rule::MODEL_RUNS_CODE, name.clone(), what).at(place, value.line));
        }
    }
}

/// Observes that a model was evaluated on the data that it was trained on.
fn tested_on_training(facts: &Facts<'_>, seen: &mut Vec<Observation>) {
    const DATA: &[&str] = &["dataset", "datasetversion", "data", "datauri", "trainingdata"];
    let texts = |of_evaluation: bool| {
        facts
            .named(DATA)
            .filter(move |(_, place, _)| in_evaluation(place) == of_evaluation)
            .flat_map(|(_, place, value)| value.one_or_more().iter().map(move |text| (place, text)))
    };
    for (place, tested) in texts(true) {
        let name = tested.text().filter(|name| !name.is_empty());
        if name.is_some() && texts(false).any(|(_, learnt)| learnt.text() == name) {
            let what = format!(
                "the model was evaluated on {}, which it was trained on",
                quote(name.unwrap_or_default())
            );
            seen.push(Observation::new(&rule::MODEL_TESTED_ON_TRAINING, "", what).at(place, tested.line));
        }
    }
}

/// Returns the numbers that stand right below a key.
fn numbers(facts: &Facts<'_>, below: &[&str]) -> BTreeMap<String, (f64, Place, u32)> {
    let mut found = BTreeMap::new();
    for (name, place, value) in facts.all() {
        let above = place.pointer.rsplit('/').next().unwrap_or_default();
        if let Some(number) = number(value).filter(|_| below.contains(&plain(above).as_str())) {
            found.insert(name.clone(), (number, place.clone(), value.line));
        }
    }
    found
}

fn number(value: &Value) -> Option<f64> {
    value
        .text()?
        .parse()
        .ok()
        .filter(|number: &f64| number.is_finite())
}

fn text_of(value: &Value) -> String {
    match &value.node {
        Node::Bool(truth) => truth.to_string(),
        _ => value.text().unwrap_or("?").to_owned(),
    }
}

fn is_set(value: &Value) -> bool {
    match &value.node {
        Node::Null => false,
        Node::Map(entries) => !entries.is_empty(),
        Node::List(items) => !items.is_empty(),
        Node::Text(text) => !text.trim().is_empty(),
        _ => true,
    }
}

/// What shows only beside the promotion before: other bytes under the same version, other data or code.
pub(super) fn changes(before: &Facts<'_>, after: &Facts<'_>) -> Vec<Change> {
    let (Some((_, old)), Some((place, new))) = (version(before), version(after)) else {
        return Vec::new();
    };
    let same = old.text() == new.text();
    let mut changes = Vec::new();
    let mut add = |about, severity, name: &str, what: String, line| {
        let seen = Observation::new(about, name, what)
            .severity(severity)
            .at(place, line);
        changes.push((seen, Delta::Widened, Side::After));
    };
    for (name, (old, _)) in origins(before, DIGEST) {
        if let Some((new, line)) = origins(after, DIGEST)
            .get(&name)
            .filter(|(new, _)| same && *new != old)
        {
            let what = format!("the same version is {} now and was {}", quote(new), quote(&old));
            add(&rule::MODEL_SWAPPED, Severity::High, &name, what, *line);
        }
    }
    for (name, was, is, line) in lowered(before, after) {
        let what = format!(
            "{} was {was} and is {is}: less is asked of the model",
            quote(&name)
        );
        add(&rule::MODEL_GATE_LOWERED, Severity::Medium, &name, what, line);
    }
    let (was, is) = (origins(before, LINEAGE), origins(after, LINEAGE));
    for name in was.keys().filter(|name| !is.contains_key(*name)) {
        let what = format!("{} was stated and no longer is", quote(name));
        add(&rule::MODEL_NO_LINEAGE, Severity::Medium, name, what, new.line);
    }
    for (name, (new, line)) in &is {
        if let Some((old, _)) = was.get(name).filter(|(old, _)| old != new) {
            let severity = if same { Severity::High } else { Severity::Medium };
            let what = format!("{} was {} and is {}", quote(name), quote(old), quote(new));
            add(&rule::MODEL_LINEAGE_CHANGED, severity, name, what, *line);
        }
    }
    changes
}

/// Returns the bounds that a model has to meet and that ask less of it than before.
fn lowered(before: &Facts<'_>, after: &Facts<'_>) -> Vec<(String, f64, f64, u32)> {
    const GATES: &[&str] = &[
        "gates",
        "gate",
        "guardrails",
        "thresholds",
        "limits",
        "requirements",
        "acceptance",
    ];
    let (old, new) = (numbers(before, GATES), numbers(after, GATES));
    let eased = new.into_iter().filter_map(|(name, (is, _, line))| {
        let was = old.get(&name)?.0;
        let most = name.contains("max")
            || LESS_IS_BETTER.iter().any(|part| name.contains(part)) && !name.contains("min");
        let easier = if most { is > was } else { is < was };
        easier.then_some((name, was, is, line))
    });
    eased.collect()
}

/// Returns the texts under some facts, by their place.
fn origins(facts: &Facts<'_>, names: &[&str]) -> BTreeMap<String, (String, u32)> {
    let mut found = BTreeMap::new();
    for (name, place, value) in facts.named(names) {
        let start = Place {
            pointer: format!("{}/{name}", place.pointer),
            ..Place::default()
        };
        value.walk_from(&mut start.clone(), &mut |place, value| {
            if let Some(text) = value.text() {
                found.insert(place.pointer.clone(), (text.to_owned(), value.line));
            }
        });
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::findings::{Severity, analyze};

    const WHOLE: &str = r#"{"model": "m", "to_version": "7", "sha256": "aa", "lineage": {"dataset": "d1"},
        "evaluation": {"version": "7", "passed": true, "metrics": {"f1": 0.9, "latency_ms": 40}, "baseline": {"f1": 0.89, "latency_ms": 41}}}"#;

    fn found(before: Option<&str>, after: &str) -> Vec<(&'static str, Severity)> {
        analyze("model-promotion", before.map(str::as_bytes), after.as_bytes())
            .iter()
            .filter(|finding| finding.counts())
            .map(|finding| (finding.rule.as_str(), finding.severity))
            .collect()
    }

    #[test]
    fn a_whole_record_is_quiet() {
        assert_eq!(found(None, WHOLE), []);
        assert_eq!(found(Some(WHOLE), WHOLE), []);
    }

    #[test]
    fn an_evaluation_must_be_of_this_version_and_passed() {
        let stale = WHOLE.replace(r#""version": "7", "passed""#, r#""version": "6", "passed""#);
        assert_eq!(found(None, &stale), [("model-evaluation-stale", Severity::High)]);
        let failed = WHOLE.replace(r#""passed": true"#, r#""passed": false"#);
        assert_eq!(
            found(None, &failed),
            [("model-evaluation-failed", Severity::High)]
        );
        let empty = r#"{"version": 3, "metrics": {}, "dataset": "d", "sha256": "00"}"#;
        assert_eq!(found(None, empty), [("model-not-evaluated", Severity::High)]);
    }

    #[test]
    fn models_whose_loading_runs_code_are_told() {
        let with = |more: &str| WHOLE.replacen('{', &format!("{{{more}, "), 1);
        for more in [
            r#""format": "pickle""#,
            r#""artifact": "s3://m/7/model.pkl""#,
            r#""runtime": {"trust_remote_code": true}"#,
            r#""loader": {"weights_only": false}"#,
        ] {
            assert_eq!(
                found(None, &with(more)),
                [("model-runs-code", Severity::High)],
                "{more}"
            );
        }
        for more in [
            r#""format": "safetensors""#,
            r#""artifact": "m.onnx""#,
            r#""trust_remote_code": false"#,
        ] {
            assert_eq!(found(None, &with(more)), [], "{more}");
        }
    }

    #[test]
    fn a_model_is_not_measured_on_what_it_learnt_nor_by_less() {
        let tested = |on: &str| WHOLE.replace(r#""passed""#, &format!(r#""dataset": "{on}", "passed""#));
        assert_eq!(found(None, &tested("d9")), []);
        assert_eq!(
            found(None, &tested("d1")),
            [("model-tested-on-training", Severity::High)]
        );
        let gates = |f1: f32, toxicity: f32| {
            WHOLE.replacen(
                '{',
                &format!(r#"{{"gates": {{"f1": {f1}, "toxicity_max": {toxicity}}}, "#),
                1,
            )
        };
        let before = gates(0.8, 0.1);
        assert_eq!(found(Some(&before), &gates(0.9, 0.05)), []);
        for eased in [gates(0.7, 0.1), gates(0.8, 0.5)] {
            assert_eq!(
                found(Some(&before), &eased),
                [("model-gate-lowered", Severity::Medium)]
            );
        }
    }

    #[test]
    fn worse_means_less_or_more_by_the_metric() {
        let worse = WHOLE.replace(r#""f1": 0.9,"#, r#""f1": 0.87,"#);
        assert_eq!(found(None, &worse), [("model-worse", Severity::Medium)]);
        let slower = WHOLE.replace(r#""latency_ms": 40"#, r#""latency_ms": 90"#);
        assert_eq!(found(None, &slower), [("model-worse", Severity::High)]);
    }

    #[test]
    fn an_origin_that_is_no_longer_stated_is_told() {
        let both = WHOLE.replace(r#""dataset": "d1""#, r#""dataset": "d1", "code": "c""#);
        let one = both.replace(r#""dataset": "d1", "#, "");
        assert_eq!(found(Some(&both), &one), [("model-no-lineage", Severity::Medium)]);
    }

    #[test]
    fn another_origin_and_other_bytes_are_told() {
        let data = WHOLE.replace("d1", "d2");
        assert_eq!(
            found(Some(WHOLE), &data),
            [("model-lineage-changed", Severity::High)]
        );
        let next = data.replace("\"7\"", "\"8\"");
        assert_eq!(
            found(Some(WHOLE), &next),
            [("model-lineage-changed", Severity::Medium)]
        );
        let bytes = WHOLE.replace("aa", "bb");
        assert_eq!(found(Some(WHOLE), &bytes), [("model-swapped", Severity::High)]);
    }
}
