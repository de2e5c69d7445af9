#!/usr/bin/env python3
"""What a crowd of workers costs: from the exec of `reeve run` until all are ready, five times; then, while they
have nothing to do, memory, wake-ups and CPU. usage: idle.py [WORKERS [SECONDS]]"""
import json
import os
import socket
import statistics
import sys
import time

from tree import Tree, cpu_seconds, memory, place, switches

STARTS = 5
workers = int(sys.argv[1]) if len(sys.argv) > 1 else 20
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
CONFIG = place("idle") + f"control: {{ path: socket }}\nqueues:\n  idle: {{ workers: {workers}, run: [/bin/true] }}\n"


def connect(path):
    while True:
        line = socket.socket(socket.AF_UNIX)
        try:
            line.connect(path)
            return line.makefile("rw")
        except OSError:
            line.close()
            time.sleep(0.001)


def start(tree):
    """Milliseconds until every worker waits for a task."""
    since = time.perf_counter()
    tree.spawn()
    with connect(str(tree.home / "socket")) as control:
        while True:
            print('{"command":"status"}', file=control, flush=True)
            seen = json.loads(control.readline())["status"]["workers"]
            if sum(worker["state"] == "idle" for worker in seen) == workers:
                return (time.perf_counter() - since) * 1000
            time.sleep(0.005)


with Tree(CONFIG) as tree:
    tree.reeve("tasks")  # makes the store
    took = [start(tree)]
    for _ in range(STARTS - 1):
        tree.stop()
        took.append(start(tree))
    print(f"{workers} workers are ready after {statistics.median(took):.0f} ms (median), {max(took):.0f} ms (longest of "
          f"{STARTS}); load {os.getloadavg()[0]:.1f}")
    for _ in range(3):
        tree.reeve("push", "idle", "1", "--wait")
    time.sleep(5)
    status = tree.status()
    own = status["pid"]
    pids = [worker["pid"] for worker in status["workers"]]
    others = [process["pid"] for process in status["processes"] if process["pid"] != own]
    everyone = {own, *pids, *others}
    before = {pid: (switches(pid), cpu_seconds(pid)) for pid in everyone}
    time.sleep(seconds)
    wakes = sum(switches(pid) - before[pid][0] for pid in everyone) / seconds
    cpu = sum(cpu_seconds(pid) - before[pid][1] for pid in everyone) / seconds
    print(f"{len(pids)} workers, {len(everyone)} processes, {seconds:.0f} s idle")
    print(f"supervisor: {memory(own)[0]} KiB private")
    print(f"worker: {statistics.median(memory(pid)[1] for pid in pids):.0f} KiB proportional (median), "
          f"{max(memory(pid)[1] for pid in pids)} (max)")
    print(f"tree: {wakes:.1f} wake-ups/s, {cpu * 100:.2f} % of a core")
