#!/usr/bin/env python3
"""Two hosts share a store; one is cut off from it in the middle of a task, or its worker is stopped; or
the store itself falls silent.

Holds: the task is taken over by the other host after its lease, and once only; what the first host
commits when it is back changes nothing; no task that runs through a cut of all is run twice, and the
workers that were there go on.
usage: cut.py   with REEVE (the binary), REEVE_CHAOS_STORE (a URL at 127.0.0.1) and REEVE_STORE_DIR; see
with_pair.sh"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

REEVE = os.environ["REEVE"]
STORE = os.environ["REEVE_CHAOS_STORE"]
LEASE_S = 5

# Tells that it began, waits until it may end, tells who it was.
HANDLER = """#!/bin/sh
echo "$HOST_NAME $REEVE_ATTEMPT" >>"began.$REEVE_TASK_ID"
until [ -e "go.$HOST_NAME" ]; do sleep 0.05; done
echo "{\\"done\\":\\"$HOST_NAME\\"}" >&$REEVE_FD
"""
CONFIG = """
store: "%s"
control: %s.sock
shutdown_grace: 4s
queues:
  work: { run: [./handler.sh], lease: %ds, env: { HOST_NAME: %s } }
"""


class Cable:
    """A TCP way to the server that can be cut: while it is, nothing passes and nothing is refused."""

    def __init__(self, target):
        self.target, self.through = target, threading.Event()
        self.through.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(self.target)
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while block := source.recv(65536):
                self.through.wait()
                sink.sendall(block)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def fail(text):
    print(f"FAILED - {text}")
    for log in sorted(home.glob("*.log")):
        print("".join(f"{log.name}: {line}\n" for line in log.read_text(errors="replace").splitlines()[-30:]))
    sys.exit(1)


def saw(text):
    print(f"ok - {text}")


def reeve(host, *words):
    done = subprocess.run([REEVE, "-c", str(home / f"{host}.yaml"), *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"reeve {' '.join(words)}: exit {done.returncode}: {done.stderr}")
    return done.stdout


def await_that(what, condition, seconds=30):
    deadline = time.time() + seconds
    while not condition():
        if time.time() > deadline:
            fail(f"not in time: {what}")
        time.sleep(0.05)


def start(host, store):
    (home / f"{host}.yaml").write_text(CONFIG % (store, host, LEASE_S, host))
    with open(home / f"{host}.log", "a") as log:
        hosts[host] = subprocess.Popen([REEVE, "-c", str(home / f"{host}.yaml"), "run"], stdout=log, stderr=log)


def stop(host):
    hosts[host].terminate()
    if hosts.pop(host).wait(timeout=30) not in (0, 1):
        fail(f"{host}: did not drain")


def began(task):
    file = home / f"began.{task}"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def task_of(task):
    return json.loads(reeve("near", "task", task, "--json"))


def worker_of(host):
    status = json.loads(reeve(host, "status", "--json"))
    return status["workers"][0]["pid"]


def take_over(what, lose, find):
    """A task begins on `far`, far is lost, `near` does it, far is found again."""
    for name in ("go.near", "go.far"):
        (home / name).unlink(missing_ok=True)
    start("far", far_store)
    task = reeve("near", "push", "work", "1").strip()
    await_that("the task begins on far", lambda: [host for host, _ in began(task)] == ["far"])
    lose()
    start("near", STORE)
    await_that("near takes the task over", lambda: [host for host, _ in began(task)] == ["far", "near"], 60)
    (home / "go.near").touch()
    await_that("near completes it", lambda: task_of(task)["status"] == "completed")
    (home / "go.far").touch()
    find()
    time.sleep(LEASE_S)
    shown = task_of(task)
    if shown["result"] != "near" or shown["attempt"] != 2 or len(began(task)) != 2:
        fail(f"{what}: {shown}, began {began(task)}")
    saw(f"{what}: taken over after its lease, and the stale token did nothing")
    again = reeve("near", "push", "work", "2", "--wait").strip()
    if task_of(again)["status"] != "completed":
        fail(f"{what}: work does not go on")
    stop("near")
    second = reeve("near", "push", "work", "3").strip()
    await_that(f"{what}: far works again", lambda: task_of(second)["status"] == "completed", 60)
    saw(f"{what}: far works again")
    stop("far")


def survive(what, lose, find):
    """Longer than the lease, with nobody else at work: the task is not run twice, the worker goes on."""
    (home / "go.far").unlink(missing_ok=True)
    start("far", far_store)
    task = reeve("near", "push", "work", "4").strip()
    await_that("the task begins", lambda: len(began(task)) == 1)
    worker = worker_of("far")
    lose()
    time.sleep(3 * LEASE_S)
    find()
    time.sleep(LEASE_S)
    (home / "go.far").touch()
    await_that("it completes", lambda: task_of(task)["status"] == "completed", 60)
    second = reeve("near", "push", "work", "5").strip()
    await_that("the next one completes", lambda: task_of(second)["status"] == "completed", 60)
    if len(began(task)) != 1:
        fail(f"{what}: run {len(began(task))} times")
    if worker_of("far") != worker:
        fail(f"{what}: its worker was replaced")
    saw(f"{what}: the running task was not run twice, and its worker went on")
    stop("far")


def signal_server(number):
    """All processes of the server, as with_redis.sh and with_postgres.sh name them."""
    folder = pathlib.Path(os.environ["REEVE_STORE_DIR"])
    file = folder / ("pid" if (folder / "pid").exists() else "data/postmaster.pid")
    first = file.read_text().split()[0]
    children = subprocess.run(["pgrep", "-P", first], capture_output=True, text=True, check=False)
    for pid in [first] + children.stdout.split():
        try:
            os.kill(int(pid), number)
        except ProcessLookupError:
            pass


home = pathlib.Path(tempfile.mkdtemp(prefix="reeve-cut."))
hosts = {}
try:
    port = int(re.search(r"127\.0\.0\.1:(\d+)", STORE).group(1))
    cable = Cable(("127.0.0.1", port))
    far_store = STORE.replace(f":{port}", f":{cable.port}")
    (home / "near.yaml").write_text(CONFIG % (STORE, "near", LEASE_S, "near"))
    (home / "handler.sh").write_text(HANDLER)
    (home / "handler.sh").chmod(0o755)
    survive("a cut longer than a lease", cable.through.clear, cable.through.set)
    survive("a server that is stopped", lambda: signal_server(signal.SIGSTOP), lambda: signal_server(signal.SIGCONT))
    take_over("a network cut", cable.through.clear, cable.through.set)
    stopped = []

    def freeze():
        stopped.append(worker_of("far"))
        os.kill(stopped[0], signal.SIGSTOP)

    take_over("a stopped worker", freeze, lambda: os.kill(stopped[0], signal.SIGCONT))
finally:
    for process in hosts.values():
        process.send_signal(signal.SIGQUIT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
    shutil.rmtree(home, ignore_errors=True)
