"""Adds the numbers of a task's `args`: a stream handler in a dozen lines."""
import json
import os
import socket

with socket.socket(fileno=int(os.environ["REEVE_FD"])) as reeve:
    lines = reeve.makefile("rw", encoding="utf-8")

    def say(message):
        lines.write(json.dumps(message) + "\n")
        lines.flush()

    say({"ready": True})
    for line in lines:
        message = json.loads(line)
        if "stop" in message:
            break
        if "task" in message:
            task = message["task"]
            say({"id": task["id"], "done": sum(task["payload"]["args"])})
