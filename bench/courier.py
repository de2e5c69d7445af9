#!/usr/bin/env python3
"""What the courier carries: requests and tasks a second through a broker (REEVE_BENCH_BROKER).

usage: courier.py [TASKS [SECONDS]]
  A split of TASKS no-op children on 4 workers: all go out through the broker and come back. Then, with
  SECONDS, the requests of that long without work, which is a minute's worth for each queue.
"""
import sys
import time

from tree import Tree, cpu_seconds, place

tasks = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0
FAN = {"starts": ["split"], "tasks": {"split": {"queue": "split", "starts_parallel": ["row"]}, "row": {"queue": "row"}}}
CONFIG = place("courier") + """queues:
  split: { type: split, split: { payload_key: rows, slice_size: 1 } }
  row: { workers: 4, type: noop, batch: 10 }
"""


def door(tree, queue):
    return tree.status()["queues"][queue]["broker"]


with Tree(CONFIG, {"fan": FAN}, {"payload.json": '{"rows": [%s]}' % ",".join(map(str, range(tasks)))}) as tree:
    tree.start()
    tree.reeve("start", "fan", "--payload", '{"rows": [1]}', "--wait")
    before = door(tree, "row")
    courier = [process["pid"] for process in tree.status()["processes"] if process["name"] == "courier"][0]
    burnt = cpu_seconds(courier)
    job = tree.reeve("start", "fan", "--payload", "@" + str(tree.home / "payload.json")).strip()
    first = last = None
    began = time.time()
    while True:
        now, done = time.time() - began, door(tree, "row")["received"] - before["received"]
        if done >= tasks / 10 and not first:
            first = (now, done)
        if done >= tasks * 9 / 10 and not last:
            last = (now, done)
        if done >= tasks:
            break
        time.sleep(0.02)
    tree.reeve("job", job, "--wait")
    burnt = cpu_seconds(courier) - burnt
    after = door(tree, "row")
    requests = after["requests"] - before["requests"]
    rate = (last[1] - first[1]) / (last[0] - first[0])
    print(f"{tasks} tasks: {requests} requests, {requests / tasks:.3f} a task; {rate:.0f} tasks/s between a tenth "
          f"and nine tenths; courier: {burnt / tasks * 1e6:.0f} µs of CPU a task")
    if seconds:
        time.sleep(2)
        before = {queue: door(tree, queue)["requests"] for queue in ("split", "row")}
        time.sleep(seconds)
        for queue, count in before.items():
            print(f"idle, {queue}: {(door(tree, queue)['requests'] - count) * 60 / seconds:.1f} requests a minute")
