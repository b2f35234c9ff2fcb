#!/usr/bin/env python3
"""Runs checkov and parliament on labelled changes, for the measurement of our own findings beside them.

    python3 -m venv VENV && VENV/bin/pip install -r tests/peers/risk/requirements.txt
    VENV/bin/python tests/peers/risk/run_peers.py CASES > peers.json
    cargo run --release -p countersign-review --example cases -- CASES --peers peers.json

CASES is a folder with a manifest.json. What counts is what is new after the change: the findings on the file after
less those on the file before. Each tool is only asked about files of a kind that it reads. checkov is run once over
all files, so that the measurement ends; its time for a file is the median of a few runs on one file each.
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
    found = {}
    for case in asked:
        new = seen.get((case["id"], "after"), set()) - seen.get((case["id"], "before"), set())
        found[case["id"]] = {"new": sorted({check for check, _ in new}), "seconds": seconds}
    return {"name": "checkov", "version": version("checkov"), "cases": found}


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
    return {"name": "parliament", "version": version("parliament"), "cases": found}


def version(package):
    from importlib import metadata

    return metadata.version(package)


def main():
    folder = pathlib.Path(sys.argv[1])
    cases = json.loads((folder / "manifest.json").read_text())["cases"]
    json.dump([tool(folder, cases) for tool in (checkov, parliament)], sys.stdout, indent=1)


main()
