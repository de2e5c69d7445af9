"""What tests/stories/clients.py asks of each client."""
import os, sys, time
sys.path.insert(0, os.environ["CLIENTS"])
import reeve


def explode():
    raise ValueError("bäng")


def handle(task):
    do, value = task.payload["do"], task.payload.get("value")
    if do == "spawn":
        task.spawn("row", {"i": 1})
        task.spawn("row", {"i": "ü"})
        return {"spawned": 2}
    if do == "progress":
        task.progress(0.5, "half")
        task.beat()
    if do == "permanent":
        raise reeve.Permanent("never")
    if do == "retry" and task.attempt == 1:
        raise reeve.Retry(0.1, "later")
    if do == "again" and task.attempt == 1:
        raise reeve.Retry()
    if do == "say":
        sys.stdout.write("said")
    if do == "odd":
        raise OSError(os.fsdecode(b"no file \xff"))
    if do == "refused":
        reeve.push("rows", "x" * 3000000)
    if do == "raise":
        explode()
    if do == "push":
        return [reeve.push("rows", value, task="row", delay=0.01), reeve.start("rows", value)]
    if do == "wait":
        while not task.cancelled:
            open("waiting." + task.queue, "w").close()
            time.sleep(0.02)
        open("cancelled." + task.queue, "w").close()
        raise reeve.Cancelled("cancelled")
    return value


reeve.work(handle)
