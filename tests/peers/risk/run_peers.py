#!/usr/bin/env python3
"""Runs checkov and parliament on labelled changes, for the measurement of our own findings beside them.

    python3 -m venv VENV && VENV/bin/pip install -r tests/peers/risk/requirements.txt
    VENV/bin/python tests/peers/risk/run_peers.py CASES > peers.json
    cargo run --release -p countersign-review --example cases -- CASES --peers peers.json

CASES is a folder with a manifest.json. What counts is what is new after the change: the findings on the file after
less those on the file before. A Terraform plan that stands alone carries its state before: checkov is given that as a
plan that changes nothing (`plan_before`). The same plans counted without it are printed as a tool of their own, since
all that their resources lack is new then. Each tool is only asked about files of a kind that it reads. checkov is run
once over all files, so that the measurement ends; its time for a file is the median of a few runs on one file each.
"""

import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(sys.executable).parent
# Ids of parliament about spelling or tidiness; its action table is older than many policies.
NOT_RISKS = {
    "UNKNOWN_ACTION", "UNKNOWN_PREFIX", "RESOURCE_MISMATCH", "UNKNOWN_CONDITION_FOR_ACTION", "MALFORMED",
    "INVALID_ARN", "INVALID_ACTION", "INVALID_SID", "NO_VERSION", "DUPLICATE_SID", "MISMATCHED_TYPE", "INVALID_KEY",
}
CHECKOV_KINDS = {
    "iam", "s3", "security-group", "data", "k8s", "k8s-rbac", "workflow", "terraform-plan", "build", "config-file",
    "code-push",
}
# A workflow of any other name is one of GitHub Actions.
PIPELINES = {".gitlab-ci.yml", "azure-pipelines.yml", "Jenkinsfile"}
TIMED = 5


def sides(case):
    return [side for side in ("before", "after") if case.get(side)]


def is_policy(path):
    try:
        return "Statement" in json.loads(path.read_text())
    except (ValueError, TypeError):
        return False


def plan_before(plan):
    """Returns the plan that changes nothing from the state before: what is made is left out, what goes is still there.

    checkov reads `planned_values`, `resource_changes` and, for what leads from one resource to another, the
    expressions of `configuration`. Those stay, since a plan holds no older ones; of what goes, which they no longer
    name, they are made from values that are the identity of another resource.
    """
    changes = [change for change in plan.get("resource_changes", []) if "deposed" not in change]
    touched = {change["address"] for change in changes}
    modules = {"": [resource for resource in root_resources(plan) if resource["address"] not in touched]}
    before = [change for change in changes if change["change"].get("before")]
    for change in before:
        kept = {key: change[key] for key in ("address", "mode", "type", "name", "index", "provider_name") if key in change}
        values = change["change"]["before"]
        modules.setdefault(change.get("module_address", ""), []).append({**kept, "values": values})
    same = [
        {**change, "change": {**change["change"], "actions": ["no-op"], "after": change["change"]["before"],
                              "after_unknown": {}}}
        for change in before
    ]
    root = {
        "resources": modules.pop(""),
        "child_modules": [{"address": address, "resources": found} for address, found in modules.items()],
    }
    outputs = {
        name: {"value": change["before"], "sensitive": change.get("before_sensitive") is True}
        for name, change in plan.get("output_changes", {}).items() if change.get("before") is not None
    }
    configuration = plan.get("configuration", {})
    module = references_only(configuration.get("root_module", {}))
    return {
        "format_version": plan.get("format_version"),
        "terraform_version": plan.get("terraform_version"),
        "planned_values": {"outputs": outputs, "root_module": root},
        "resource_changes": same,
        "configuration": {**configuration, "root_module": {
            **module, "outputs": {}, "resources": [*module.get("resources", []), *goes(before)],
        }},
    }


def references_only(configuration):
    """Returns a configuration without the constants in it, which may be as new as the change."""
    if isinstance(configuration, dict):
        kept = configuration.items()
        return {key: references_only(value) for key, value in kept if key != "constant_value"}
    if isinstance(configuration, list):
        return [references_only(value) for value in configuration]
    return configuration


def root_resources(plan):
    return plan.get("planned_values", {}).get("root_module", {}).get("resources", [])


def goes(before):
    """Returns, as the configuration says it, what the resources of the root that go refer to."""
    identities = {}
    for change in before:
        for key in ("name", "bucket", "arn", "id"):
            value = change["change"]["before"].get(key)
            if isinstance(value, str) and value:
                identities.setdefault(value, []).append((change["address"], key))
    for change in before:
        if change["change"]["actions"] != ["delete"] or change.get("module_address"):
            continue
        expressions = {}
        for key, value in change["change"]["before"].items():
            others = identities.get(value, []) if isinstance(value, str) else []
            others = [(address, name) for address, name in others if address != change["address"]]
            if others:
                address, name = others[-1]
                expressions[key] = {"references": [f"{address}.{name}", address]}
        if expressions:
            yield {**{key: change[key] for key in ("address", "mode", "type", "name")}, "expressions": expressions}


def checkov(folder, cases):
    asked = [
        case for case in cases
        if case["kind"] in CHECKOV_KINDS and not is_policy(folder / case["after"])
    ]
    command = [str(HERE / "checkov"), "-o", "json", "--compact", "--quiet", "--skip-download"]
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        for case in asked:
            for side in sides(case):
                place = scratch / case["id"] / side
                name = pathlib.Path(case[side]).name
                if name == ".circleci.yml":
                    place, name = place / ".circleci", "config.yml"
                elif case["kind"] == "workflow" and name not in PIPELINES:
                    place = place / ".github" / "workflows"
                place.mkdir(parents=True)
                shutil.copy(folder / case[side], place / name)
            if carries_before(case):
                place = scratch / case["id"] / "before"
                place.mkdir(parents=True)
                plan = json.loads((folder / case["after"]).read_text())
                (place / "plan.json").write_text(json.dumps(plan_before(plan), indent=1))
        run = subprocess.run([*command, "-d", str(scratch)], capture_output=True, text=True, check=False)
        seen = {}
        reports = json.loads(run.stdout)
        for report in reports if isinstance(reports, list) else [reports]:
            for failed in report.get("results", {}).get("failed_checks", []):
                name, side = pathlib.Path(failed["file_path"].lstrip("/")).parts[:2]
                seen.setdefault((name, side), set()).add((failed["check_id"], failed["resource"]))
        times = []
        for case in asked[:: max(1, len(asked) // TIMED)]:
            start = time.monotonic()
            subprocess.run([*command, "-d", str(scratch / case["id"] / "after")], capture_output=True, check=False)
            times.append(time.monotonic() - start)
    seconds = statistics.median(times) if times else 0.0
    found, alone = {}, {}
    for case in asked:
        after = seen.get((case["id"], "after"), set())
        new = after - seen.get((case["id"], "before"), set())
        found[case["id"]] = {"new": sorted({check for check, _ in new}), "seconds": seconds}
        if carries_before(case):
            alone[case["id"]] = {"new": sorted({check for check, _ in after}), "seconds": seconds}
    return [
        {"name": "checkov", "version": version("checkov"), "cases": found},
        {"name": "checkov, plans without their before", "version": version("checkov"), "cases": alone},
    ]


def carries_before(case):
    return case["kind"] == "terraform-plan" and not case.get("before")


def parliament(folder, cases):
    found = {}
    for case in cases:
        if not is_policy(folder / case["after"]):
            continue
        seen, seconds = {}, 0.0
        for side in sides(case):
            start = time.monotonic()
            policy = (folder / case[side]).read_text()
            run = subprocess.run(
                [str(HERE / "parliament"), "--json", "--include-community-auditors", "--string", policy],
                capture_output=True, text=True, check=False,
            )
            seconds = time.monotonic() - start
            lines = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
            seen[side] = {line["issue"] for line in lines} - NOT_RISKS
        found[case["id"]] = {"new": sorted(seen["after"] - seen.get("before", set())), "seconds": seconds}
    return [{"name": "parliament", "version": version("parliament"), "cases": found}]


def version(package):
    from importlib import metadata

    return metadata.version(package)


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = json.loads((folder / "manifest.json").read_text())["cases"]
    answers = [answer for tool in (checkov, parliament) for answer in tool(folder, cases)]
    json.dump(answers, sys.stdout, indent=1)


main()
