"""Common ground of the benches: a supervisor in a folder of its own, and what its tree uses."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time

REEVE = os.environ.get("REEVE", "build-release/cli/reeve")


def place(name):
    """The lines of a configuration that say where: REEVE_BENCH_STORE and REEVE_BENCH_BROKER, or SQLite."""
    store, broker = os.environ.get("REEVE_BENCH_STORE", f"sqlite:{name}.db"), os.environ.get("REEVE_BENCH_BROKER")
    return f'store: "{store}"\n' + (f'broker: "{broker}"\n' if broker else "")


class Tree:
    def __init__(self, config, workflows=None, files=None):
        self.home = pathlib.Path(tempfile.mkdtemp(prefix="reeve-bench."))
        (self.home / "workflows").mkdir()
        (self.home / "reeve.yaml").write_text(config)
        for name, descriptor in (workflows or {}).items():
            (self.home / f"workflows/{name}.json").write_text(json.dumps(descriptor))
        for name, text in (files or {}).items():
            (self.home / name).write_text(text)
            (self.home / name).chmod(0o755)
        self.supervisor = None

    def reeve(self, *words):
        return subprocess.run([os.path.abspath(REEVE), "-c", str(self.home / "reeve.yaml"), *words],
                              check=True, stdout=subprocess.PIPE, text=True).stdout

    def spawn(self):
        log = open(self.home / "log", "w")
        self.supervisor = subprocess.Popen([os.path.abspath(REEVE), "-c", str(self.home / "reeve.yaml"), "run"],
                                           stdout=log, stderr=log)

    def start(self):
        self.spawn()
        while subprocess.run([os.path.abspath(REEVE), "-c", str(self.home / "reeve.yaml"), "status"],
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode:
            time.sleep(0.05)

    def __enter__(self):
        return self

    def stop(self):
        self.supervisor.terminate()
        self.supervisor.wait()
        self.supervisor = None

    def __exit__(self, *_):
        if self.supervisor:
            self.stop()
        shutil.rmtree(self.home)

    def status(self):
        return json.loads(self.reeve("status", "--json"))


def memory(pid):
    """(private, proportional) KiB of a process."""
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    size = {key: int(value) for key, value in re.findall(r"^(\w+):\s+(\d+) kB", text, re.M)}
    return size["Private_Clean"] + size["Private_Dirty"], size["Pss"]


def switches(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"^voluntary_ctxt_switches:\s+(\d+)", text, re.M).group(1))


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
