#!/usr/bin/env python3
"""From the KILL of a worker in good service to the next one's pid among the supervisor's children, with
no other trouble and beside ten queues whose workers die all the time. usage: replace.py [KILLS]"""
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import time

from tree import Tree, place

kills = int(sys.argv[1]) if len(sys.argv) > 1 else 20
SICK = "".join(f"  sick{i}: {{ type: noop }}\n" for i in range(10))
CONFIG = place("replace") + ("defaults: { restart: { good_after: 100ms, max_delay: 200ms, probe: 1s } }\n"
                             "queues:\n  well: { workers: 4, type: noop }\n")


# Ends every worker of a sick queue as soon as it has a name.
KILLER = """
import os, pathlib, sys, time
while True:
    for pid in pathlib.Path(f"/proc/{sys.argv[1]}/task/{sys.argv[1]}/children").read_text().split():
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("sick"):
                os.kill(int(pid), 9)
        except OSError:
            pass
    time.sleep(0.01)
"""


def children(pid):
    return set(pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split())


def measure(tree, has_sick):
    own = tree.status()["pid"]
    waits = []
    for _ in range(kills):
        time.sleep(0.3)  # good service
        status = tree.status()
        before = children(own)
        victim = next(worker["pid"] for worker in status["workers"] if worker["queue"] == "well")
        since = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        while True:
            time.sleep(0.0002)  # who looks without a pause holds up what he looks at
            fresh = children(own) - before
            if fresh and (not has_sick or has_well(fresh)):
                break
        waits.append((time.perf_counter() - since) * 1000)
    return waits


def has_well(fresh):
    """True where one of the new ones is of the queue that is measured, by its name: a little later."""
    for pid in fresh:
        try:
            if pathlib.Path(f"/proc/{pid}/comm").read_text().startswith("well#"):
                return True
        except FileNotFoundError:
            pass
    return False


def show(what, waits):
    most = sorted(waits)[int(len(waits) * 0.95) - 1]
    print(f"{what}: median {statistics.median(waits):.2f} ms, 95 % under {most:.2f} ms, "
          f"max {max(waits):.2f} ms of {len(waits)}; load {os.getloadavg()[0]:.1f}")


for what, queues in ("alone", ""), ("beside ten queues that crash", SICK):
    with Tree(CONFIG + queues) as tree:
        tree.start()
        killer = subprocess.Popen([sys.executable, "-c", KILLER, str(tree.status()["pid"])]) if queues else None
        time.sleep(2)
        waits = measure(tree, bool(queues))
        deaths = sum(queue["restarts"] for name, queue in tree.status()["queues"].items() if name.startswith("sick"))
        if killer:
            killer.kill()
            killer.wait()
        show(what + (f" ({deaths} deaths there)" if queues else ""), waits)
