"""Reads the table that the payload names and starts one task per row, 500 at a time."""
import itertools
import json
import os
import sys

import tables

CHILDREN = {"zones": ["position", "offset"], "packages": ["package"]}

task = json.load(sys.stdin)
rows = getattr(tables, task["workflow"])(task["payload"]["file"])
total = 0
with os.fdopen(int(os.environ["REEVE_FD"]), "w") as reeve:
    while chunk := list(itertools.islice(rows, 500)):
        children = [{"task": name, "payload": row} for row in chunk for name in CHILDREN[task["workflow"]]]
        reeve.write(json.dumps({"spawn": children}) + "\n")
        total += len(chunk)
    reeve.write(json.dumps({"done": {"rows": total}}) + "\n")
