#!/usr/bin/env python3
"""Cancels a job of many queued children while workers run: how long `reeve cancel` takes, how long others
wait meanwhile, what is held in memory; then the same with `reeve cancel` and the keeper killed in the midst.
usage: cancel.py [CHILDREN]"""
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime

from tree import REEVE, Tree, memory, place

SIZE = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
CONFIG = place("cancel") + """
log: { level: warn }
defaults: { timeout: none }
queues:
  read: { run: [python3, read.py] }
  row: { workers: 2, type: noop }
  other: { type: noop }
"""
FAN = {"starts": ["read"], "tasks": {"read": {"queue": "read", "starts_manually": ["row"]}, "row": {"queue": "row"}}}
LONE = {"starts": ["row"], "tasks": {"row": {"queue": "row"}}}
READ = f"""import os
out = os.fdopen(int(os.environ["REEVE_FD"]), "w")
chunk = '{{"spawn":[' + ",".join(['{{"task":"row","payload":1}}'] * 500) + "]}}\\n"
for _ in range({SIZE} // 500):
    out.write(chunk)
"""
STORE = os.environ.get("REEVE_BENCH_STORE", "")


def instant(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def born(name):
    """When an id was made: the first 48 bits of a UUIDv7 are milliseconds."""
    return int(name.replace("-", "")[:12], 16) / 1000


def milliseconds(values):
    values = sorted(values)
    return (f"median {values[len(values) // 2] * 1000:.0f} ms, 95 % under {values[int(len(values) * .95)] * 1000:.0f} ms, "
            f"longest {values[-1] * 1000:.0f} ms of {len(values)}") if values else "none"


class Others(threading.Thread):
    """Pushes tasks to a queue that has nothing to do with the job: how long each waits."""

    def __init__(self, tree):
        super().__init__()
        self.tree, self.ids, self.on, self.most = tree, [], True, {}
        status = tree.status()
        self.pids = {"supervisor": status["pid"]}
        self.pids.update({p["name"]: p["pid"] for p in status["processes"]})
        self.pids.update({f"{w['queue']} {w['slot']}": w["pid"] for w in status["workers"]})

    def run(self):
        while self.on:
            self.ids.append(self.tree.reeve("push", "other").strip())
            for name, pid in list(self.pids.items()):
                try:
                    self.most[name] = max(self.most.get(name, 0), memory(pid)[1])
                except (FileNotFoundError, ProcessLookupError):
                    del self.pids[name]
            time.sleep(0.02)

    def finish(self):
        self.on = False
        self.join()
        while any(t["status"] != "completed" for t in map(self.task, self.ids[-1:])):
            time.sleep(0.05)
        tasks = [self.task(i) for i in self.ids]
        return milliseconds([instant(t["trace"][0]["received_at"]) - born(t["id"]) for t in tasks])

    def task(self, name):
        return json.loads(self.tree.reeve("task", name, "--json"))


def rows(tree, job):
    return json.loads(tree.reeve("job", job, "--json"))["tasks"].get("row", {})


def fill(tree):
    tree.reeve("pause", "row", "--all")
    job = tree.reeve("start", "fan").strip()
    began = time.time()
    while rows(tree, job).get("queued", 0) < SIZE // 500 * 500:
        time.sleep(0.2)
    print(f"  {SIZE} children written in {time.time() - began:.1f} s")
    return job


def cancel(tree, job):
    return subprocess.Popen([os.path.abspath(REEVE), "-c", str(tree.home / "reeve.yaml"), "cancel", job],
                            stderr=subprocess.DEVNULL)


def ends(tree, job, seconds):
    """Until no task of the job is queued; None where that takes longer."""
    began = time.time()
    while rows(tree, job).get("queued", 0):
        if time.time() - began > seconds:
            return None
        time.sleep(0.05)
    return time.time() - began


class Server:
    """What the store's server says of its longest acts: Redis by its slow log, PostgreSQL by its own log."""

    def reset(self):
        if STORE.startswith("redis"):
            for words in (["CONFIG", "SET", "slowlog-log-slower-than", "1000"], ["CONFIG", "SET", "slowlog-max-len", "100000"],
                          ["SLOWLOG", "RESET"]):
                self.redis(*words)
        elif STORE.startswith("postgres"):
            for text in ("ALTER SYSTEM SET log_min_duration_statement = 5", "SELECT pg_reload_conf()"):
                subprocess.run(["psql", "-qAt", STORE.split("?")[0], "-c", text], check=True, stdout=subprocess.DEVNULL)
            self.log = pathlib.Path(os.environ["REEVE_TEST_POSTGRES_DIR"]) / "log"
            self.began = self.log.stat().st_size

    def redis(self, *words):
        url = re.match(r"redis://[^/]+", STORE).group(0)
        return subprocess.run(["redis-cli", "-u", url, *words], check=True, stdout=subprocess.PIPE, text=True).stdout

    def tell(self):
        if STORE.startswith("redis"):
            slow = self.redis("EVAL", "local t = {} for i, v in ipairs(redis.call('SLOWLOG', 'GET', -1)) do "
                              "if not v[4][1]:lower():find('^flush') then t[#t + 1] = v[3] end end return t", "0").split()
            times = sorted((int(t) for t in slow), reverse=True)
            print(f"  scripts over 1 ms: {len(times)}, over 5 ms: {sum(t > 5000 for t in times)}, "
                  f"the longest {[t / 1000 for t in times[:3]]} ms; {self.redis('INFO', 'memory').split('used_memory_human:')[1].split()[0]}")
        elif STORE.startswith("postgres"):
            text = self.log.read_bytes()[self.began:].decode(errors="replace")
            acts = {}
            for took, what in re.findall(r"duration: ([\d.]+) ms  (?:execute [^:]*|statement): (.*)", text):
                name = re.search(r"(act_\w+|settle|COMMIT|\w+\()", what, re.I)
                acts.setdefault(name.group(1) if name else what[:30], []).append(float(took))
            for name, times in sorted(acts.items(), key=lambda a: -max(a[1]))[:8]:
                print(f"  over 5 ms: {name} {len(times)}, longest {max(times):.0f} ms")


server = Server()
with Tree(CONFIG, {"fan": FAN, "lone": LONE}, {"read.py": READ}) as tree:
    tree.start()
    print("cancelled:")
    job = fill(tree)
    lone = tree.reeve("start", "lone").strip()
    others = Others(tree)
    others.start()
    tree.reeve("resume", "row", "--all")
    time.sleep(1)
    server.reset()
    began, process = time.time(), cancel(tree, job)
    others.pids["cancel"] = process.pid
    while json.loads(tree.reeve("job", lone, "--json"))["status"] == "running" and time.time() - began < 600:
        time.sleep(0.01)
    print(f"  a task behind them in their own queue is done after {time.time() - began:.2f} s")
    print(f"  reeve cancel: exit {process.wait()} after {time.time() - began:.1f} s; {rows(tree, job)}")
    print(f"  other tasks waited: {others.finish()}")
    server.tell()
    print(f"  PSS at most, KiB: {others.most}")

    print("cancelled, and reeve cancel killed in the midst, the keeper a second later:")
    job = fill(tree)
    tree.reeve("resume", "row", "--all")
    others = Others(tree)
    others.start()
    process = cancel(tree, job)
    while rows(tree, job).get("cancelled", 0) < SIZE // 10:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    server.reset()
    print(f"  left by then: {rows(tree, job)}")
    time.sleep(1)
    os.kill(others.pids["keeper"], signal.SIGKILL)
    print(f"  ended by others after {ends(tree, job, 300)} s; {rows(tree, job)}")
    print(f"  other tasks waited: {others.finish()}")
    server.tell()
    print(f"  PSS at most, KiB: {others.most}")
