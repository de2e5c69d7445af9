#!/usr/bin/python3
"""Stands between reeve and an SQS emulator: checks every signature as AWS would, and does harm.

usage: sqs_proxy.py HOST UPSTREAM_PORT [CERTIFICATE]   prints its port; ends with its standard input
  POST /-/fault {"action": "SendMessageBatch" or "*", "kind": KIND, "count": N}   the next N requests
  POST /-/keys {ID: [SECRET, TOKEN or null]}   the keys that are accepted from now on
  POST /-/clock {"offset_s": N}   its clock, beside this host's
  POST /-/seen   answers {"requests": {ACTION: N}, "refused": {CODE: N}, "most": {"connections": N,
      "at once": N}} and begins to count anew
"""
import collections
import http.client
import http.server
import json
import os
import socket
import ssl
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from aws_verify import Refused, verify  # noqa: E402

HOST, UPSTREAM = sys.argv[1], int(sys.argv[2])
lock = threading.Lock()
faults, keys, clock = [], {}, {"offset_s": 0}
seen = {"requests": collections.Counter(), "refused": collections.Counter(), "most": collections.Counter()}
under_way = 0
JSON = "application/x-amz-json-1.0"


def take_fault(action):
    with lock:
        for fault in faults:
            if fault["count"] > 0 and fault["action"] in (action, "*"):
                fault["count"] -= 1
                return fault["kind"]
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    is_counted = False
    is_under_way = False

    def log_message(self, *_):
        pass

    def date_time_string(self, timestamp=None):
        return super().date_time_string(time.time() + clock["offset_s"])

    def answer(self, status, body, kind=JSON, length=None):
        self.leave()  # before its client can know, and send the next
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def fail(self, status, code, text):
        body = {"__type": "com.amazonaws.sqs#" + code, "message": text}
        self.answer(status, json.dumps(body).encode())

    def hang_up(self, is_reset=False):
        self.leave()
        if is_reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def control(self, body):
        wanted = json.loads(body or b"{}")
        with lock:
            if self.path == "/-/fault":
                faults.append(wanted)
            elif self.path == "/-/keys":
                keys.clear()
                keys.update(wanted)
            elif self.path == "/-/clock":
                clock.update(wanted)
            out = json.dumps(seen).encode()
            if self.path == "/-/seen":
                faults.clear()
                for counter in seen.values():
                    counter.clear()
        self.answer(200, out)

    def forward(self, body):
        upstream = http.client.HTTPConnection("127.0.0.1", UPSTREAM, timeout=60)
        upstream.request("POST", "/", body, {
            "Content-Type": JSON, "X-Amz-Target": self.headers["X-Amz-Target"], "Host": self.headers["Host"]})
        reply = upstream.getresponse()
        status, text = reply.status, reply.read()
        upstream.close()
        return status, text

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/-/"):
            return self.control(body)
        action = self.headers.get("X-Amz-Target", "").split(".")[-1]
        with lock:
            seen["requests"][action] += 1
        try:
            verify("POST", self.path, self.headers, body, keys, "sqs", time.time() + clock["offset_s"])
        except Refused as why:
            with lock:
                seen["refused"][str(why)] += 1
            # AWS repeats the request in such texts, the token too.
            said = "The request is refused.\n\nThe Canonical String for this request should have been\n'"
            return self.fail(403, str(why), said + str(self.headers) + "'")
        self.enter()
        try:
            self.serve(action, take_fault(action), body)
        finally:
            self.leave()

    def enter(self):
        global under_way
        with lock:
            under_way += 1
            self.is_under_way = True
            seen["most"]["at once"] = max(seen["most"]["at once"], under_way)
            seen["most"]["connections"] += not self.is_counted
            self.is_counted = True

    def leave(self):
        global under_way
        with lock:
            under_way -= self.is_under_way
            self.is_under_way = False

    def serve(self, action, kind, body):
        if kind in PLAIN:
            return PLAIN[kind](self)
        if kind == "partial":
            return self.serve_in_part(body)
        if kind == "slow":
            time.sleep(0.2)
        status, text = self.forward(body)
        if kind == "lostreply":
            return self.hang_up()
        if kind == "truncated":
            self.answer(status, text[: len(text) // 2], length=len(text))
            return self.hang_up()
        self.answer(status, text)

    def serve_in_part(self, body):
        """The first entry fails by the service's fault, the others go on."""
        wanted = json.loads(body)
        failed = wanted["Entries"].pop(0)
        reply = {"Successful": []}
        if wanted["Entries"]:
            reply = json.loads(self.forward(json.dumps(wanted).encode())[1])
        reply.setdefault("Failed", []).append(
            {"Id": failed["Id"], "SenderFault": False, "Code": "InternalError", "Message": "try again"})
        self.answer(200, json.dumps(reply).encode())

    def hang(self):
        time.sleep(40)
        self.hang_up()

    def toolong(self):
        body = b'{"Messages":[],"x":"' + b"x" * (17 << 20) + b'"}'
        self.answer(200, body)

    def handle(self):
        try:
            super().handle()
        except (OSError, ValueError):
            pass


# Harm that needs nothing from the emulator.
PLAIN = {
    "throttle": lambda s: s.fail(400, "RequestThrottled", "Request is throttled."),
    "throttle-http": lambda s: s.answer(429, b"slow down", "text/plain"),
    "500": lambda s: s.fail(500, "InternalFailure", None),
    "503": lambda s: s.answer(503, b"<html>Service Unavailable</html>", "text/html"),
    "badjson": lambda s: s.answer(200, b'{"Messages":[{"Body":'),
    "strange": lambda s: s.answer(200, b'{"Messages":5,"Successful":{"Id":[]},"Failed":7,"Attributes":"x"}'),
    "list": lambda s: s.answer(200, b"[]"),
    "empty": lambda s: s.answer(200, b""),
    "reset": lambda s: s.hang_up(is_reset=True),
    "close": lambda s: s.hang_up(),
    "hang": Handler.hang,
    "toolong": Handler.toolong,
    "denied": lambda s: s.fail(403, "AccessDeniedException", "User is not authorized to perform: sqs:SendMessage"),
    "missing": lambda s: s.fail(400, "QueueDoesNotExist", "The specified queue does not exist."),
    "overlimit": lambda s: s.fail(403, "OverLimit", "Too many messages in flight"),
}


class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in HOST else socket.AF_INET
    daemon_threads = True


server = Server((HOST, 0), Handler)
if len(sys.argv) > 3:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3])
    server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.stdin.read()
