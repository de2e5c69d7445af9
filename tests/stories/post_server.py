"""A web application with every bad habit: its answer is what the task's payload asks for.
post_server.py FILE [SOCKET]: prints its port to FILE; a line of JSON per request to FILE.requests."""
import json, os, signal, socket, socketserver, ssl, sys, time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler

place = sys.argv[1]
signal.signal(signal.SIGQUIT, signal.SIG_DFL)  # which a shell ignores for what is in its background


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def address_string(self):
        return str(self.client_address)

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(place + ".requests", "a") as seen:
            seen.write(json.dumps({"path": self.path, "from": str(self.client_address),
                                   "headers": {k.lower(): v for k, v in self.headers.items()},
                                   "body": body.decode()}) + "\n")
        try:
            envelope = json.loads(body)
            habit = envelope["payload"]
        except (ValueError, TypeError, KeyError):
            habit = "fine"
        getattr(self, "say_" + (habit if isinstance(habit, str) else "fine"))(body)
        self.wfile.flush()

    def say_fine(self, body):
        self.answer(200, json.dumps({"bytes": len(body)}).encode(), Content_Type="application/json")

    def say_text(self, body):
        self.answer(200, "grüße, \x00".encode() + b"\xff\n")

    def say_nothing(self, body):
        self.answer(204)

    def say_bad(self, body):
        self.answer(404, b"no such page")

    def say_busy(self, body):
        self.first_then_fine(body, 429, Retry_After="1")

    def say_later(self, body):
        self.first_then_fine(body, 503, Retry_After=formatdate(time.time() + 1, usegmt=True))

    def say_broken(self, body):
        self.first_then_fine(body, 500)

    def say_moved(self, body):
        self.answer(302, Location="/elsewhere")

    def first_then_fine(self, body, status, **headers):
        if json.loads(body)["attempt"] == 1:
            self.answer(status, b"not now", **headers)
        else:
            self.say_fine(body)

    def say_slow(self, body):
        time.sleep(600)

    def say_half(self, body):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        self.close_connection = True

    def say_gigabyte(self, body):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n")
        block = b"x" * (1 << 20)
        for _ in range(1024):
            self.wfile.write(block)

    def say_long_error(self, body):
        self.wfile.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 1073741824\r\n\r\n")
        self.say_gigabyte(body)

    def say_garbage(self, body):
        self.wfile.write(b"\x16\x03\x01 this is no HTTP\r\n\r\n" * 100)
        self.close_connection = True

    def say_hangup(self, body):
        self.close_connection = True

    # Answers, and closes without having said so: the next task finds a dead connection.
    def say_quits(self, body):
        self.answer(200, b'"and gone"')
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass


class UnixServer(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)


if len(sys.argv) > 2:
    server = UnixServer(sys.argv[2], Handler)
else:
    server = Server(("127.0.0.1", 0), Handler)
    if "POST_CERTIFICATE" in os.environ:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(os.environ["POST_CERTIFICATE"])
        server.socket = context.wrap_socket(server.socket, server_side=True)
with open(place + ".new", "w") as out:
    out.write(str(server.server_address[1]))
os.rename(place + ".new", place)
server.serve_forever()
