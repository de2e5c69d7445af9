"""One report of all rows: from `inputs`, or streamed from the store where they are too many."""
import collections
import json
import os
import pathlib
import subprocess
import sys

task = json.load(sys.stdin)


def results(name):
    given = task["inputs"][name]
    if isinstance(given, list):
        return given
    command = [os.environ["REEVE_BIN"], "-c", "reeve.yaml", "results", task["job_id"], name]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [json.loads(line) for line in lines.splitlines()]


def zones():
    offsets = {row["zone"]: row["offset"] for row in results("offset")}
    rows = [{**row, "offset": offsets[row["zone"]]} for row in results("position")]
    totals = collections.Counter(row["offset"] for row in rows)
    return {"rows": sorted(rows, key=lambda row: row["zone"]), "by_offset": dict(sorted(totals.items()))}


def packages():
    rows = results("package")
    largest = sorted(rows, key=lambda row: (-row["kilobytes"], row["package"]))[:10]
    return {"packages": len(rows), "kilobytes": sum(row["kilobytes"] for row in rows),
            "dependencies": sum(row["dependencies"] for row in rows),
            "largest": [row["package"] for row in largest]}


report = {"zones": zones, "packages": packages}[task["workflow"]]()
out = pathlib.Path(task["payload"]["out"])
out.mkdir(parents=True, exist_ok=True)
partial = out / f"{task['workflow']}.json.partial"
partial.write_text(json.dumps(report, indent=1))
partial.rename(out / f"{task['workflow']}.json")
with os.fdopen(int(os.environ["REEVE_FD"]), "w") as reeve:
    reeve.write(json.dumps({"done": {"report": f"{out}/{task['workflow']}.json"}}) + "\n")
