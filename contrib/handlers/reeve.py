"""Handlers of reeve in Python 3.7 or newer; needs nothing but this file. See docs/handlers.md.

    import reeve                                    class Adder(reeve.Job):
    def hello(task):                                    name = "adder"
        return {"said": task.payload["times"]}          def run(self, *args, **kwargs):
    reeve.work(hello)                                       return sum(args)
                                                    reeve.work(Adder)
Works with `protocol: exec` and `protocol: stream` alike: what is returned is the task's result, what
is raised its failure.
"""
import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback


class Retry(Exception):
    """Try again after `delay` (seconds, or a text like "30s"), or when the queue's `retries` say."""

    def __init__(self, delay=None, reason="try again"):
        super().__init__(reason)
        self.delay = delay


class Permanent(Exception):
    """Failed for good."""


class Cancelled(Exception):
    """The task is not wanted any more, or the worker has to end."""


class Task:
    """The envelope's keys as attributes: id, job_id, workflow, name, queue, attempt, payload, inputs, …"""

    def __init__(self, wire, envelope):
        self.__dict__.update(envelope)
        self._wire = wire

    def spawn(self, task, payload=None):
        """Starts a task of one of the names in `starts_parallel` or `starts_manually`."""
        self._say(spawn={"task": task} if payload is None else {"task": task, "payload": payload})

    def progress(self, fraction, message=None):
        self._say(progress=fraction, **({} if message is None else {"message": message}))

    def beat(self):
        """A sign of life, for `heartbeat`."""
        self._say(beat=True)

    @property
    def cancelled(self):
        """Whether to stop soon; a handler that has once asked is no longer ended by SIGTERM alone."""
        return self._wire.is_cancelled(self.id)

    def _say(self, **message):
        self._wire.say(dict(id=self.id, **message))


class Job:
    """A class in sqjobs' shape. `self.task` is the task, `self.retries` counts its attempts from 1."""

    name = None  # the task's name; else the class's
    queue = None  # for push; else the name

    def run(self, *args, **kwargs):
        raise NotImplementedError

    def set_up(self, *args, **kwargs):
        pass

    def tear_down(self, *args, **kwargs):
        pass

    def on_success(self, *args, **kwargs):
        """When done was said; its own errors only go to the log."""

    def on_failure(self, *args, **kwargs):
        """After each failed attempt; `self.error` is what was raised."""

    def on_retry(self, *args, **kwargs):
        """In its place after `retry`."""

    def retry(self, delay=None):
        raise Retry(delay)

    @classmethod
    def push(cls, *args, **kwargs):
        name = cls.name or cls.__name__
        return push(cls.queue or name, {"args": args, "kwargs": kwargs}, task=name)


def work(*handlers):
    """Hands tasks to a function of the task, or to the Job class that has the task's name."""
    wire = _Stream() if "REEVE_TASK_ID" not in os.environ else _Exec()
    for envelope in wire.tasks():
        wire.well = _do(wire, Task(wire, envelope), handlers)
        _flush()  # what the hooks said
    sys.exit(0 if wire.well else 1)


def push(queue, payload=None, task=None, delay=None, priority=None, key=None):
    """Pushes one task and answers its id. The command is REEVE_BIN or reeve, its file REEVE_CONFIG."""
    return _command("push", [queue, "-"], payload, {"--task": task, "--delay": _duration(delay),
                                                    "--priority": priority, "--key": key})


def start(workflow, payload=None, key=None):
    """Starts a job and answers its id."""
    return _command("start", [workflow, "--payload", "-"], payload, {"--key": key})


def _command(verb, words, payload, options):
    config = os.environ.get("REEVE_CONFIG")
    argv = [os.environ.get("REEVE_BIN", "reeve")] + (["-c", config] if config else []) + [verb] + words
    for name, value in options.items():
        argv += [] if value is None else [name, str(value)]
    told = subprocess.run(argv, input=_json({} if payload is None else payload),
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if told.returncode != 0:
        raise RuntimeError("reeve %s: %s" % (verb, told.stderr.decode(errors="replace").strip()))
    return told.stdout.decode().strip()


def _json(value):
    """Characters as they are: escaped they would take three times the room, and a line has a limit."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()


def _duration(value):
    return "%dms" % round(value * 1000) if isinstance(value, (int, float)) else value


def _find(task, handlers):
    for handler in handlers:
        if not isinstance(handler, type) or len(handlers) == 1:
            return handler
        if task.name in (handler.name, handler.__name__):
            return handler
    raise Permanent("no handler for a task named %s" % task.name)


def _arguments(payload):
    if isinstance(payload, dict) and set(payload) <= {"args", "kwargs"}:
        return payload.get("args") or [], payload.get("kwargs") or {}
    if isinstance(payload, dict):
        return [], payload
    return (payload, {}) if isinstance(payload, list) else ([payload], {})


def _run_job(job, args, kwargs):
    job.set_up(*args, **kwargs)
    try:
        return job.run(*args, **kwargs)
    finally:
        job.tear_down(*args, **kwargs)


def _do(wire, task, handlers):
    job, args, kwargs = None, (), {}
    try:
        handler = _find(task, handlers)
        if isinstance(handler, type):
            job = handler()
            job.task, job.retries = task, task.attempt
            args, kwargs = _arguments(task.payload)
            result = _run_job(job, args, kwargs)
        else:
            result = handler(task)
        _answer(wire, {"id": task.id, "done": result})
    except Exception as error:
        if job:
            job.error = error
            _quietly(job.on_retry if isinstance(error, Retry) else job.on_failure, args, kwargs)
        _answer(wire, _failure(task, error))
        return False
    if job:
        _quietly(job.on_success, args, kwargs)
    return True


def _answer(wire, message):
    _flush()  # what is printed after the answer is of no task
    wire.say(message)


def _flush():
    try:
        sys.stdout.flush()
    except (OSError, ValueError):  # the handler has closed it
        pass


def _quietly(hook, args, kwargs):
    try:
        hook(*args, **kwargs)
    except Exception:
        traceback.print_exc()


def _failure(task, error):
    message = {"id": task.id, "fail": _clean(str(error)) or type(error).__name__}
    if isinstance(error, Permanent):
        message["permanent"] = True
    elif isinstance(error, Retry):
        message["retry_in"] = True if error.delay is None else _duration(error.delay)
    elif not isinstance(error, Cancelled):
        message["fail"] = _clean("%s: %s" % (type(error).__name__, error))
        message["backtrace"] = _clean(traceback.format_exc()[-16000:])
    return message


def _clean(text):
    """What is no character, as of a file's name in another encoding, is no JSON either."""
    return text.encode(errors="replace").decode()


class _Exec:
    """A process for one task: the envelope on standard input, messages on a pipe."""

    def __init__(self):
        self.fd = int(os.environ["REEVE_FD"])
        self.well, self.told, self.listens = True, False, False

    def tasks(self):
        yield json.loads(sys.stdin.buffer.read())

    def say(self, message):
        line = _json(message) + b"\n"
        while line:
            line = line[os.write(self.fd, line):]

    def is_cancelled(self, task_id):
        if not self.listens:
            signal.signal(signal.SIGTERM, lambda *_: setattr(self, "told", True))
            self.listens = True
        return self.told


class _Stream:
    """A process for many tasks: lines of JSON both ways on a socket."""

    def __init__(self):
        self.socket = socket.socket(fileno=int(os.environ["REEVE_FD"]))
        self.rest, self.lines, self.cancelled, self.well = bytearray(), [], set(), True

    def say(self, message):
        self.socket.sendall(_json(message) + b"\n")

    def tasks(self):
        self.say({"ready": True})
        while True:
            while not self.lines:
                if not self.read():
                    return
            message = json.loads(self.lines.pop(0))
            if "stop" in message:
                return
            if "task" in message:
                self.cancelled.clear()
                yield message["task"]
                self.well = True  # what the exit says is of no task

    def read(self):
        part = self.socket.recv(1 << 16)
        self.rest += part
        if b"\n" in part:
            *whole, rest = bytes(self.rest).split(b"\n")
            self.lines += whole
            self.rest = bytearray(rest)
        return bool(part)

    def is_cancelled(self, task_id):
        while select.select([self.socket], [], [], 0)[0] and self.read():
            pass
        for line in list(self.lines):
            if "cancel" in json.loads(line):
                self.cancelled.add(json.loads(line)["cancel"])
                self.lines.remove(line)
        return task_id in self.cancelled or any("stop" in json.loads(line) for line in self.lines)
