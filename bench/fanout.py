#!/usr/bin/env python3
"""Time per task of a fan-out with a gate, at several sizes, and what the tree's processes use.
usage: fanout.py [SIZE …]"""
import json
import sys
import time

from tree import Tree, memory, place

sizes = [int(word) for word in sys.argv[1:]] or [100, 1000, 10000]
CONFIG = place("fan") + """
log: { level: warn }
queues:
  read: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { workers: 2, type: noop }
  gate: { type: sync }
  report: { type: noop }
"""
WORKFLOW = {
    "starts": ["read"],
    "tasks": {
        "read": {"queue": "read", "starts_parallel": ["row"],
                 "starts_with_params": {"gate": {"rows": {"count": "row"}}}},
        "row": {"queue": "row"},
        "gate": {"queue": "gate", "starts": ["report"],
                 "waits_for": {"row": {"condition": {"param": "rows", "function": "eq_completed"}}}},
        "report": {"queue": "report"},
    },
}

for size in sizes:
    times, most = [], {}
    for _ in range(3):
        with Tree(CONFIG, {"fan": WORKFLOW}) as tree:
            (tree.home / "payload").write_text(json.dumps({"rows": list(range(size))}))
            tree.start()
            began = time.time()
            job = tree.reeve("start", "fan", "--payload", f"@{tree.home}/payload").strip()
            tree.reeve("job", job, "--wait")
            times.append((time.time() - began) / size)
            status = tree.status()
            rows = [worker["pid"] for worker in status["workers"] if worker["queue"] == "row"]
            keeper = next(p["pid"] for p in status["processes"] if p["name"] == "keeper")
            most = {"supervisor": memory(status["pid"])[1], "worker": memory(rows[0])[1],
                    "keeper": memory(keeper)[1]}
    times.sort()
    print(f"{size:>7} children: {times[1] * 1e6:.0f} µs a task (median of 3; {times[0] * 1e6:.0f}–"
          f"{times[-1] * 1e6:.0f}), PSS KiB {most}")
