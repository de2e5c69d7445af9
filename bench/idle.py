#!/usr/bin/env python3
"""What an idle tree costs: memory, wake-ups and CPU. usage: idle.py [WORKERS [SECONDS]]"""
import statistics
import sys
import time

from tree import Tree, cpu_seconds, memory, place, switches

workers = int(sys.argv[1]) if len(sys.argv) > 1 else 20
seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 20
CONFIG = place("idle") + f"queues:\n  idle: {{ workers: {workers}, run: [/bin/true] }}\n"

with Tree(CONFIG) as tree:
    for _ in range(3):
        tree.start() if not tree.supervisor else None
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
