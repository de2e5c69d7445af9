#!/usr/bin/env python3
"""What delayed tasks cost those that are due: fan-outs in a queue in which so many others wait for another day, then
the keeper's CPU while nothing happens.
usage: delayed.py [WAITING]   run it with 10 and with 100000, each on a store of its own"""
import json
import sys
import time

from tree import Tree, cpu_seconds, place

WAITING = int(sys.argv[1]) if len(sys.argv) > 1 else 100000
DUE, REPEATS, IDLE_S = 10000, 5, 65
CONFIG = place("delayed") + """
log: { level: warn }
queues:
  read: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { workers: 2, type: noop }
"""


def fan(**of_row):
    return {"starts": ["read"], "tasks": {"read": {"queue": "read", "starts_parallel": ["row"]},
                                          "row": {"queue": "row", **of_row}}}


with Tree(CONFIG, {"due": fan(), "later": fan(delay="1d")}) as tree:
    for name, size in (("due", DUE), ("later", WAITING)):
        (tree.home / name).write_text(json.dumps({"rows": list(range(size))}))
    tree.start()
    tree.reeve("start", "later", "--payload", f"@{tree.home}/later")
    while tree.status()["queues"]["row"]["delayed"] < WAITING:
        time.sleep(0.2)
    times = []
    for _ in range(REPEATS):
        began = time.time()
        job = tree.reeve("start", "due", "--payload", f"@{tree.home}/due").strip()
        tree.reeve("job", job, "--wait")
        times.append((time.time() - began) / DUE)
    times.sort()
    keeper = next(p["pid"] for p in tree.status()["processes"] if p["name"] == "keeper")
    before = cpu_seconds(keeper)
    time.sleep(IDLE_S)
    print(f"{WAITING} wait: {times[REPEATS // 2] * 1e6:.0f} µs a task that is due (median of {REPEATS}; "
          f"{times[0] * 1e6:.0f}–{times[-1] * 1e6:.0f}); keeper {cpu_seconds(keeper) - before:.2f} s of CPU in {IDLE_S} s idle")
