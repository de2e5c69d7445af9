#!/usr/bin/env python3
"""From a commit in one process to the lease in another, by the traces of a chain over two queues.
usage: wake.py [HOPS]"""
import json
import statistics
import sys
from datetime import datetime

from tree import Tree, place

hops = int(sys.argv[1]) if len(sys.argv) > 1 else 200
CONFIG = place("wake") + "queues:\n  even: { type: noop }\n  odd: { type: noop }\n"
tasks = {f"t{i}": {"queue": "odd" if i % 2 else "even", **({"starts": [f"t{i + 1}"]} if i < hops else {})}
         for i in range(hops + 1)}


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000


with Tree(CONFIG, {"chain": {"starts": ["t0"], "tasks": tasks}}) as tree:
    tree.start()
    job = tree.reeve("start", "chain").strip()
    tree.reeve("job", job, "--wait")
    rows = {}
    for i in range(hops + 1):
        rows[i] = json.loads(tree.reeve("task", f"{job}.{i + 1}", "--json"))["trace"][-1]
    waits = [moment(rows[i + 1]["received_at"]) - moment(rows[i]["finished_at"]) for i in range(hops)]
    print(f"{hops} hops: median {statistics.median(waits):.1f} ms, "
          f"95 % under {sorted(waits)[int(hops * 0.95)]:.1f} ms, max {max(waits):.1f} ms")
