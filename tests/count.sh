#!/bin/sh
# The closing line of a test run, "N passed, N failed", counted from meson's log of it: each CUnit
# test and each thing that a story saw counts once. Fails where nothing ran or something failed.
set -eu
log=$1/meson-logs/testlog.json
[ -f "$log" ] || { echo "0 passed, 1 failed"; exit 1; }
/usr/bin/python3 - "$log" <<'P'
import json, re, sys
passed = failed = 0
for line in open(sys.argv[1]):
    test = json.loads(line)
    text = test.get("stdout") or ""
    cunit = re.search(r"^\s+tests\s+\d+\s+(\d+)\s+(\d+)\s+(\d+)", text, re.M)
    seen = len(re.findall(r"^ok - ", text, re.M))
    if test["result"] not in ("OK", "SKIP"):
        print("failed:", test["name"])
        failed += max(1, int(cunit.group(3)) if cunit else 1)
        passed += int(cunit.group(2)) if cunit else seen
    elif test["result"] == "OK":
        passed += int(cunit.group(2)) if cunit else max(1, seen)
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed or not passed else 0)
P
