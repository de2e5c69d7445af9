"""Prints what was imported: the outputs of all that the report waited for."""
import json
import os
import sys

inputs = json.load(sys.stdin)["inputs"]
for name, results in inputs.items():
    print(f"{name}: {len(results)}")
with os.fdopen(int(os.environ["REEVE_FD"]), "w") as reeve:
    print(json.dumps({"done": {name: sorted(results) for name, results in inputs.items()}}), file=reeve)
