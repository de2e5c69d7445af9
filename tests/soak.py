#!/usr/bin/env python3
"""Random kills, signals and commands at one supervisor while tasks run, by the number of acts.

Holds: no zombie stays, the number of descriptors and the private memory of the supervisor do not grow,
every queue has the workers that it wants afterwards, every task ends completed, the drain is clean and
leaves nothing. In the first half the binary stays, so that growth is seen; in the second it is replaced
(USR2) among the other acts.
usage: soak.py   with REEVE (the binary), REEVE_SOAK_ACTS (400), REEVE_SOAK_SEED"""
import collections
import json
import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

REEVE = os.environ["REEVE"]
ACTS = int(os.environ.get("REEVE_SOAK_ACTS", "400"))
SEED = int(os.environ.get("REEVE_SOAK_SEED", str(random.randrange(1 << 32))))
SETTLE_S = 90
GROWTH_KIB = 512
chance = random.Random(SEED)
home = pathlib.Path(tempfile.mkdtemp(prefix="reeve-soak."))
place = str(home / "socket")

CONFIG = """
store: sqlite:soak.db
control: { path: %(place)s }
shutdown_grace: 10s
log: { to: log }
defaults:
  lease: 10s
  crashes: 0
  retries: { max: 1000, delay: 50ms, max_delay: 200ms }
  restart: { good_after: 100ms, max_delay: 200ms, probe: 1s }
queues:
  quick: { run: 'cat >/dev/null; echo "$REEVE_TASK_ID" >>quick', workers: %(workers)d }
  slow: { run: "cat >/dev/null; sleep 0.2; (setsid sleep 0.1 &) ; true", workers: { min: 1, max: 4 } }
  stream: { protocol: stream, run: [python3, stream.py], workers: 2 }
%(more)s"""
STREAM = """
import json, os, socket
reeve = socket.socket(fileno=int(os.environ["REEVE_FD"])).makefile("rw")
print('{"ready":true}', file=reeve, flush=True)
for line in reeve:
    message = json.loads(line)
    if "task" in message:
        print(json.dumps({"id": message["task"]["id"], "done": None}), file=reeve, flush=True)
    elif "stop" in message:
        break
"""
QUEUES = ("quick", "slow", "stream")


def fail(what):
    print(f"FAILED - {what} (seed {SEED})")
    sys.stdout.flush()
    for line in log_lines()[-40:]:
        print("log:", line)
    sys.exit(1)


def log_lines():
    try:
        return (home / "log").read_text(errors="replace").splitlines()
    except FileNotFoundError:
        return []


def write_config():
    more = "".join(f"  more{i}: {{ run: 'true', workers: {chance.randint(0, 3)} }}\n"
                   for i in range(chance.randint(0, 3)))
    text = CONFIG % {"place": place, "workers": chance.randint(1, 4), "more": more}
    (home / "fresh.yaml").write_text(text)
    os.rename(home / "fresh.yaml", home / "reeve.yaml")


def ask(**request):
    """The reply, or None: the binary was being replaced, or waits for a file that went bad in the middle of it."""
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(10)
            line.connect(place)
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile() as replies:
                text = replies.readline()
        return json.loads(text) if text else None
    except (ConnectionError, FileNotFoundError, TimeoutError):
        return None


def status():
    for _ in range(100):
        reply = ask(command="status")
        if reply and reply["ok"]:
            return reply["status"]
        if supervisor.poll() is not None:
            fail(f"the supervisor ended with {supervisor.returncode}")
        time.sleep(0.1)
    fail("nobody answers")


def stat_of(pid):
    """(state, parent) of a process, or None."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[0], int(fields[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        seen = stat_of(entry) if entry.isdigit() else None
        if seen and seen[1] == pid:
            found.append(int(entry))
    return found


def zombies():
    return [pid for pid in children_of(supervisor.pid) if (stat_of(pid) or "-")[0] == "Z"]


def descriptors():
    return sorted(os.readlink(f"/proc/{supervisor.pid}/fd/{fd}").split(":")[0]
                  for fd in os.listdir(f"/proc/{supervisor.pid}/fd"))


def private_kib():
    text = pathlib.Path(f"/proc/{supervisor.pid}/smaps_rollup").read_text()
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Private_"))


def is_sanitized():
    return b"__asan_init" in pathlib.Path(REEVE).read_bytes()


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def children():
    return [pid for pid in children_of(supervisor.pid) if (stat_of(pid) or "-")[0] != "Z"]


def kill_child():
    found = children()
    if found:
        send(chance.choice(found), signal.SIGKILL)


def kill_handler():
    found = [pid for child in children() for pid in children_of(child)]
    if found:
        send(chance.choice(found), signal.SIGKILL)


def stop_child():
    found = children()
    if found:
        pid = chance.choice(found)
        send(pid, signal.SIGSTOP)
        send(pid, signal.SIGCONT)


def signal_it(*numbers):
    return lambda: send(supervisor.pid, chance.choice(numbers))


def command(name, **more):
    return lambda: ask(command=name, queue=chance.choice(QUEUES), **{key: make() for key, make in more.items()})


def reload_it():
    if chance.random() < 0.1:
        (home / "reeve.yaml").write_text("queues: 7\n")
        ask(command="reload")
    write_config()
    if chance.random() < 0.5:
        send(supervisor.pid, signal.SIGHUP)
    else:
        ask(command="reload")


def cut_off():
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(place)
            line.sendall(b'{"command":"logs","follow":true}\n{"comm')
        except ConnectionError:
            pass


def push():
    for queue in QUEUES:
        reply = subprocess.run([REEVE, "-c", "push.yaml", "push", queue, "1"], cwd=home, capture_output=True, text=True)
        if reply.returncode:
            fail(f"push: {reply.stderr}")
        pushed.append(reply.stdout.strip())


ACTIONS = {  # with their weights
    "kill a child": (kill_child, 30),
    "kill a handler": (kill_handler, 8),
    "stop a child": (stop_child, 4),
    "reload": (reload_it, 6),
    "restart": (command("restart"), 3),
    "scale": (command("scale", workers=lambda: chance.choice((0, 1, 3, 6, "+1", "-1"))), 12),
    "pause": (command("pause"), 6),
    "resume": (command("resume"), 8),
    "TTIN, TTOU": (signal_it(signal.SIGTTIN, signal.SIGTTOU), 4),
    "TSTP, CONT": (signal_it(signal.SIGTSTP, signal.SIGCONT), 3),
    "USR1": (signal_it(signal.SIGUSR1), 1),
    "status": (command("status"), 4),
    "cut a client off": (cut_off, 2),
    "push": (push, 3),
}
REPLACING = {"USR2": (signal_it(signal.SIGUSR2), 3)}


def act(actions):
    name = chance.choices(list(actions), [weight for _, weight in actions.values()])[0]
    actions[name][0]()
    counts[name] += 1
    time.sleep(chance.choice((0, 0, 0.001, 0.005, 0.02)))


def settle():
    """Everything resumed and as the file says, until every queue has the workers that it wants."""
    write_config()
    deadline = time.time() + SETTLE_S
    while ask(command="reload") is None:
        time.sleep(0.05)
    for queue in status()["queues"]:
        while ask(command="resume", queue=queue) is None:
            time.sleep(0.05)
    while time.time() < deadline:
        seen = status()
        wrong = {name: (queue["workers"], queue["desired"]) for name, queue in seen["queues"].items()
                 if queue["workers"] != queue["desired"] or queue["paused"]}
        strangers = len(children_of(supervisor.pid)) - len(seen["workers"]) - len(seen["processes"])
        if not wrong and len(seen["processes"]) == 1 and strangers == 0 and not zombies():
            return
        time.sleep(0.1)
    fail(f"not settled: {wrong}, {strangers} strangers, zombies {zombies()}, {seen['processes']}")


def same_descriptors(before, what):
    after = descriptors()
    if collections.Counter(after) != collections.Counter(before):
        fail(f"{what}: descriptors {before} became {after}")


def completed():
    reply = subprocess.run([REEVE, "-c", "push.yaml", "tasks", "--json", "--status", "completed"], cwd=home,
                           capture_output=True, text=True)
    return {row["id"] for row in json.loads(reply.stdout or "[]")}


pushed, counts = [], collections.Counter()
(home / "stream.py").write_text(STREAM)
write_config()
shutil.copy(home / "reeve.yaml", home / "push.yaml")
supervisor = subprocess.Popen([REEVE, "-c", "reeve.yaml", "run"], cwd=home, stdin=subprocess.DEVNULL)
code = 1
try:
    for _ in range(200):
        if os.path.exists(place):
            break
        time.sleep(0.1)
    push()
    for _ in range(ACTS // 10):
        act(ACTIONS)
    settle()
    fds, kib = descriptors(), private_kib()
    for _ in range(ACTS // 2 - ACTS // 10):
        act(ACTIONS)
    print(f"# {sum(counts.values())} acts done", flush=True)
    settle()
    same_descriptors(fds, "without USR2")
    grown = private_kib() - kib
    if not is_sanitized() and grown > GROWTH_KIB:
        fail(f"private memory grew by {grown} KiB from {kib}")
    print(f"ok - {ACTS // 2} acts: {len(fds)} descriptors as before, private memory {kib} + {grown} KiB")
    for _ in range(ACTS - ACTS // 2):
        act({**ACTIONS, **REPLACING})
    settle()
    same_descriptors(fds, "with USR2")
    text = (home / "log").read_text(errors="replace")
    print(f"ok - {ACTS} acts, the binary replaced {text.count('supervisor: replaced: ')} times and kept "
          f"{text.count('supervisor: not replaced')} times, private memory {private_kib()} KiB")
    deadline = time.time() + SETTLE_S
    while time.time() < deadline and not set(pushed) <= completed():
        time.sleep(0.3)
    lost = set(pushed) - completed()
    if lost:
        fail(f"{len(lost)} of {len(pushed)} tasks are not completed: {sorted(lost)[:5]}")
    print(f"ok - every one of {len(pushed)} tasks is completed")
    tree = children_of(supervisor.pid)
    supervisor.send_signal(signal.SIGTERM)
    if supervisor.wait(60) != 0:
        fail(f"the drain ended with {supervisor.returncode}")
    left = [pid for pid in tree if stat_of(pid)]
    if left or os.path.exists(place):
        fail(f"left behind: {left} {place}")
    print("ok - it drains and leaves nothing;", ", ".join(f"{count} × {name}" for name, count in counts.most_common()))
    code = 0
finally:
    if supervisor.poll() is None:
        supervisor.send_signal(signal.SIGQUIT)
        supervisor.wait(30)
    if code == 0:
        shutil.rmtree(home, ignore_errors=True)
    else:
        print(f"seed {SEED}, left in {home}")
