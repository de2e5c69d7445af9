#!/usr/bin/env python3
"""Kills any process of the tree with SIGKILL, at random moments, while a fan-out with a gate runs.

Holds, by the handlers' own files: the job ends completed, each child's effect happened at least
once, the gate's successor was born and committed once, nothing that a killed worker ran outlives it.
usage: chaos.py   with REEVE (the binary), REEVE_CHAOS_SECONDS (5), REEVE_CHAOS_CHILDREN (400),
REEVE_CHAOS_PROTOCOL (exec), REEVE_CHAOS_PACE (kills a second, 3), REEVE_CHAOS_STORE and
REEVE_CHAOS_BROKER (URLs; SQLite and none), REEVE_CHAOS_OUTAGES (0): how often each server of
REEVE_STORE_DIR and REEVE_BROKER_DIR is killed and started meanwhile; see with_pair.sh"""
import json
import os
import pathlib
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

REEVE = os.environ["REEVE"]
SECONDS = float(os.environ.get("REEVE_CHAOS_SECONDS", "5"))
CHILDREN = int(os.environ.get("REEVE_CHAOS_CHILDREN", "400"))
PROTOCOL = os.environ.get("REEVE_CHAOS_PROTOCOL", "exec")
STORE = os.environ.get("REEVE_CHAOS_STORE", "sqlite:chaos.db")
BROKER = os.environ.get("REEVE_CHAOS_BROKER")
PACE = float(os.environ.get("REEVE_CHAOS_PACE", "3"))
OUTAGES = int(os.environ.get("REEVE_CHAOS_OUTAGES", "0"))
SERVERS = [os.environ[name] for name in ("REEVE_STORE_DIR", "REEVE_BROKER_DIR") if name in os.environ]
SEED = int(os.environ.get("REEVE_CHAOS_SEED", str(random.randrange(1 << 32))))
BUILT_IN = ("keeper", "listener", "courier")
WEIGHTS = {"supervisor": 1, "keeper": 1, "listener": 1, "courier": 2, "worker": 4, "handler": 4}
chance = random.Random(SEED)

READ = """
import json, os
task = json.load(open(0))
with os.fdopen(int(os.environ["REEVE_FD"]), "w") as reeve:
    for first in range(0, task["payload"]["n"], 100):
        last = min(first + 100, task["payload"]["n"])
        print(json.dumps({"spawn": [{"task": "row", "payload": {"i": i, "out": task["payload"]["out"]}}
                                    for i in range(first, last)]}), file=reeve, flush=True)
"""
ROW_EXEC = """#!/bin/sh
envelope=$(cat)
i=${envelope#*'"i":'}; i=${i%%[,\\}]*}
out=${envelope#*'"out":"'}; out=${out%%'"'*}
sleep 0.01
echo "$REEVE_TASK_ID $REEVE_ATTEMPT" >>"$out/row.$i"
"""
ROW_STREAM = """
import json, os, socket, time
reeve = socket.socket(fileno=int(os.environ["REEVE_FD"])).makefile("rw")
print('{"ready":true}', file=reeve, flush=True)
for line in reeve:
    message = json.loads(line)
    if "stop" in message:
        break
    task = message["task"]
    time.sleep(0.005)
    with open(f"{task['payload']['out']}/row.{task['payload']['i']}", "a") as effect:
        print(task["id"], task["attempt"], file=effect)
    print(json.dumps({"id": task["id"], "done": task["payload"]["i"]}), file=reeve, flush=True)
"""
REPORT = """#!/bin/sh
envelope=$(cat)
out=${envelope#*'"out":"'}; out=${out%%'"'*}
echo "$REEVE_TASK_ID $REEVE_ATTEMPT" >>"$out/report"
"""
CONFIG = """
store: "%s"
shutdown_grace: 4s
log: { level: info }
defaults: { lease: 5s, crashes: 0, retries: { max: 1000, delay: 50ms, max_delay: 200ms }, restart: { max_delay: 200ms, probe: 1s } }
queues:
  read: { run: [python3, read.py] }
  row: { workers: 4, %s }
  gate: { type: sync }
  report: { run: [./report.sh] }
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


def fail(text):
    print(f"FAILED - {text} (REEVE_CHAOS_SEED={SEED})")
    log = home / "log"
    if log.exists():
        print("".join("log: " + line + "\n" for line in log.read_text(errors="replace").splitlines()[-60:]))
    sys.exit(1)


def saw(text):
    print(f"ok - {text}")


def reeve(*words, check=True):
    done = subprocess.run([REEVE, "-c", str(home / "reeve.yaml"), *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if check and done.returncode != 0:
        fail(f"reeve {' '.join(words)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def stat_of(pid):
    """(parent, start time, state) of a process, or None."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return int(fields[1]), fields[19], fields[0]


def tree(root):
    """All descendants of a process as {pid: start time}."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit() and (stat := stat_of(entry)) and stat[2] != "Z":
            children.setdefault(stat[0], []).append((int(entry), stat[1]))
    found, todo = {}, [root]
    while todo:
        for pid, start in children.get(todo.pop(), []):
            found[pid] = start
            todo.append(pid)
    return found


def alive(found):
    return {pid: start for pid, start in found.items()
            if (stat := stat_of(pid)) and stat[1] == start and stat[2] != "Z"}


def start_supervisor():
    with open(home / "log", "a") as log:
        return subprocess.Popen([REEVE, "-c", str(home / "reeve.yaml"), "run"], stdout=log, stderr=log)


def await_gone(found, seconds, what):
    deadline = time.time() + seconds
    while left := alive(found):
        if time.time() > deadline:
            names = [pathlib.Path(f"/proc/{pid}/cmdline").read_bytes() for pid in left if alive({pid: left[pid]})]
            fail(f"{what}: still there after {seconds} s: {names}")
        time.sleep(0.01)


def victims_of(supervisor):
    """The processes of the tree by role."""
    found = tree(supervisor.pid)
    parents = {pid: stat[0] for pid in found if (stat := stat_of(pid))}
    workers = [pid for pid, parent in parents.items() if parent == supervisor.pid]
    names = {pid: pathlib.Path(f"/proc/{pid}/comm").read_text().strip() for pid in workers}
    victims = {name: [pid for pid in workers if names[pid] == name] for name in BUILT_IN}
    return {"supervisor": [supervisor.pid], **victims,
            "worker": [pid for pid in workers if names[pid] not in BUILT_IN],
            "handler": [pid for pid in parents if pid not in workers]}


def kill_one(supervisor):
    """One SIGKILL; the supervisor's death is followed by a restart. Answers None for no victim."""
    try:
        victims = victims_of(supervisor)
    except OSError:
        return supervisor, None, {}
    roles = [role for role in WEIGHTS if victims[role]]
    role = chance.choices(roles, [WEIGHTS[role] for role in roles])[0]
    pid = chance.choice(victims[role])
    below = tree(pid)
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return supervisor, None, {}
    if role != "supervisor":
        return supervisor, role, below
    supervisor.wait()
    return start_supervisor(), role, below


def bounce(server):
    """A server dies without warning, and comes back after a while with what it had made durable."""
    server = pathlib.Path(server)
    if (server / "stop").exists():
        subprocess.run([str(server / "stop")], check=True, stdout=subprocess.DEVNULL)
    else:
        os.kill(int((server / "pid").read_text()), signal.SIGKILL)
    time.sleep(chance.uniform(0.2, 1.5))
    subprocess.run([str(server / "start")], check=True, stdout=subprocess.DEVNULL)


home = pathlib.Path(tempfile.mkdtemp(prefix="reeve-chaos."))
try:
    out = home / "out"
    (home / "workflows").mkdir()
    out.mkdir()
    row = "run: [./row.sh]" if PROTOCOL == "exec" else "protocol: stream, run: [python3, row.py]"
    broker = f'broker: "{BROKER}"\n' if BROKER else ""
    (home / "reeve.yaml").write_text(CONFIG % (STORE, row) + broker)
    (home / "workflows/chaos.json").write_text(json.dumps(WORKFLOW))
    for name, text in (("read.py", READ), ("row.sh", ROW_EXEC), ("row.py", ROW_STREAM), ("report.sh", REPORT)):
        (home / name).write_text(text)
        (home / name).chmod(0o755)
    job = reeve("start", "chaos", "--payload", json.dumps({"n": CHILDREN, "out": str(out)})).strip()
    supervisor = start_supervisor()
    kills, old = {}, []
    end = time.time() + SECONDS
    outages = sorted((end - SECONDS * (n + 0.7) / (OUTAGES + 0.7), server) for n in range(OUTAGES) for server in SERVERS)
    while time.time() < end:
        if outages and time.time() >= outages[0][0]:
            bounce(outages.pop(0)[1])
        if not PACE:
            time.sleep(0.05)
            continue
        time.sleep(chance.uniform(0, 1.2 / PACE))
        supervisor, role, below = kill_one(supervisor)
        if role:
            kills[role] = kills.get(role, 0) + 1
        if role == "supervisor":
            old.append((time.time(), below))
        elif role == "worker":
            await_gone(below, 5, "a killed worker's handlers")
    for _, server in outages:
        bounce(server)
    if PACE:
        saw(f"{sum(kills.values())} kills: {kills}")
    if OUTAGES:
        saw(f"{OUTAGES} deaths and starts of each of {len(SERVERS)} servers")
    for when, below in old:
        await_gone(below, max(10, 20 - (time.time() - when)), "the tree of a killed supervisor")
    saw("nothing outlived its worker")
    deadline = time.time() + 90
    while (shown := json.loads(reeve("job", job, "--json")))["status"] == "running":
        if time.time() > deadline:
            fail(f"the job did not end: {shown} {reeve('explain', job, check=False)}")
        time.sleep(0.1)
    if shown["status"] != "completed":
        fail(f"the job is {shown['status']}: {shown}")
    saw("the job is completed")
    missing = [i for i in range(CHILDREN) if not (out / f"row.{i}").exists()]
    if missing:
        fail(f"{len(missing)} children without effect: {missing[:10]}")
    twice = sum(len((out / f"row.{i}").read_text().splitlines()) > 1 for i in range(CHILDREN))
    ids = {line.split()[0] for i in range(CHILDREN) for line in (out / f"row.{i}").read_text().splitlines()}
    if len(ids) != CHILDREN:
        fail(f"{len(ids)} task ids had effects, wanted {CHILDREN}")
    saw(f"each of {CHILDREN} children had its effect, {twice} of them more than once")
    if shown["tasks"]["row"].get("completed") != CHILDREN or shown["tasks"]["report"] != {"completed": 1}:
        fail(f"counts are off: {shown['tasks']}")
    if len({line.split()[0] for line in (out / "report").read_text().splitlines()}) != 1:
        fail("the gate's successor was born twice")
    saw("the gate's successor was born and committed once")
    below = tree(supervisor.pid)
    supervisor.terminate()
    if supervisor.wait(timeout=20) != 0:
        fail(f"drain: exit {supervisor.returncode}")
    await_gone(below, 5, "after the drain")
    saw("the tree drained and is gone")
finally:
    if "supervisor" in globals() and supervisor.poll() is None:
        found = tree(supervisor.pid)
        supervisor.kill()
        supervisor.wait()
        for pid in alive(found):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home, ignore_errors=True)
