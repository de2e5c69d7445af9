#!/bin/sh
# The closing line of a test run, "N passed, N failed", counted from the logs of twice.sh: each CUnit
# test and each thing that a story saw counts once. Fails where nothing ran or something failed.
set -eu
/usr/bin/python3 - "$1"/meson-logs <<'P'
import glob, json, re, sys
passed = failed = 0
tests = {}
for name in ("first", "second"):
    for log in glob.glob(f"{sys.argv[1]}/{name}*.json"):
        tests |= {test["name"]: test | {"log": name} for test in map(json.loads, open(log))}
for test in tests.values():
    text = test.get("stdout") or ""
    cunit = re.search(r"^\s+tests\s+\d+\s+(\d+)\s+(\d+)\s+(\d+)", text, re.M)
    seen = len(re.findall(r"^ok - ", text, re.M))
    if test["result"] not in ("OK", "SKIP"):
        print("failed:", test["name"])
        failed += max(1, int(cunit.group(3)) if cunit else 1)
        passed += int(cunit.group(2)) if cunit else seen
    elif test["result"] == "OK":
        passed += int(cunit.group(2)) if cunit else max(1, seen)
        if test["log"] == "second":
            print("passed the second time only:", test["name"])
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
P
