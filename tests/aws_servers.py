#!/usr/bin/python3
"""Stands for what gives out AWS credentials: STS, a container's agent, an instance's metadata.

usage: aws_servers.py   prints its port; ends with its standard input
  POST /-/set {KEY: VALUE}   what it answers from now on, see `state`
  POST /-/seen   answers [{"method", "path", "headers", "body", "refused"}] and begins anew
"""
import http.server
import json
import os
import sys
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from aws_verify import Refused, verify  # noqa: E402

lock = threading.Lock()
seen = []
state = {
    "id": "AKIAGIVEN", "secret": "given-secret", "token": "given+token/&amp;", "lifetime_s": 3600,
    "failures": 0, "delay_s": 0, "text": None,  # text: instead of the right body
    "keys": {},  # of those who assume roles: id -> [secret, token]
    "offset_s": 0,
}
XML = """<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
<AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser><Credentials>
<AccessKeyId>%s</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>
<Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>"""
REFUSED = """<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>no &lt;such&gt; thing
second line</Message></Error></ErrorResponse>"""


def expiration():
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + state["lifetime_s"]))


def given():
    return json.dumps({
        "Code": "Success", "AccessKeyId": state["id"], "SecretAccessKey": state["secret"],
        "Token": state["token"], "Expiration": expiration()})


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + state["offset_s"])

    def answer(self, status, text):
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def control(self, body):
        global seen
        with lock:
            if self.path == "/-/set":
                state.update(json.loads(body))
            out = json.dumps(seen)
            if self.path == "/-/seen":
                seen = []
        self.answer(200, out)

    def handle_one(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path.startswith("/-/"):
            return self.control(body)
        row = {"method": self.command, "path": self.path, "headers": dict(self.headers), "body": body}
        with lock:
            seen.append(row)
            is_failing = state["failures"] > 0
            state["failures"] -= is_failing
        time.sleep(state["delay_s"])
        if is_failing:
            return self.answer(500, "out of order")
        if self.path == "/":
            return self.sts(row, body)
        if self.path.startswith("/container"):
            return self.answer(200, state["text"] or given())
        return self.instance()

    do_GET = do_PUT = do_POST = handle_one

    def sts(self, row, body):
        wanted = dict(urllib.parse.parse_qsl(body))
        if wanted.get("Action") == "AssumeRole":
            try:
                verify("POST", "/", self.headers, body.encode(), state["keys"], "sts", time.time() + state["offset_s"])
            except Refused as why:
                row["refused"] = str(why)
                return self.answer(403, REFUSED % why)
        keys = (wanted["RoleArn"].split("/")[-1], state["secret"], state["token"], expiration())
        self.answer(200, state["text"] or XML % keys)

    def instance(self):
        if self.command == "PUT" and self.path == "/latest/api/token":
            is_good = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds") == "21600"
            return self.answer(200 if is_good else 400, "instance-token")
        if self.headers.get("X-aws-ec2-metadata-token") != "instance-token":
            return self.answer(401, "version 2 alone")
        if self.path == "/latest/meta-data/iam/security-credentials/":
            return self.answer(200, "the-role\n")
        if self.path == "/latest/meta-data/iam/security-credentials/the-role":
            return self.answer(200, state["text"] or given())
        return self.answer(404, "")

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
