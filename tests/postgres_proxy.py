#!/usr/bin/python3
"""Stands between reeve and PostgreSQL and does harm to the connection on which a word is said.

usage: postgres_proxy.py PORT   prints its own port; ends with its standard input, where it is told:
  lose WORD   the server gets the word and answers; the answer is dropped and, half a second later, when
              the rest of a long request has come too, the client's side is closed
  mute WORD   the server gets the word; nothing that it says from then on is passed, nothing is closed
  hold WORD   the word itself is kept back, and nothing more is passed
  release     what is kept back goes to the server now, though its client has left long ago
  freeze      nothing is passed on any connection, new ones too; thaw: go on
"""
import os
import select
import socket
import sys
import time

TARGET = ("127.0.0.1", int(sys.argv[1]))
order = word = None
is_frozen = False
pairs = []


class Pair:
    """A client and its session of the server. harm: what has been done to it; kept: bytes kept back."""

    def __init__(self, near):
        self.near, self.far = near, socket.create_connection(TARGET)
        self.harm, self.kept, self.is_left, self.lost_at = None, b"", False, None

    def close(self):
        self.near.close()
        self.far.close()
        pairs.remove(self)

    def hear_client(self):
        global order
        block = receive(self.near)
        if not block:
            self.leave()
            return
        if order and word in block:
            self.harm, order = order, None
        if self.harm == "hold":
            self.kept += block
        else:
            self.far.sendall(block)

    def leave(self):
        """The server is not told where it shall not know."""
        if self.harm in ("hold", "mute", "lose"):
            self.is_left = True
        else:
            self.close()

    def hear_server(self):
        block = receive(self.far)
        if not block:
            self.close()
        elif self.harm == "lose":
            self.lost_at = self.lost_at or time.monotonic() + 0.5
        elif self.harm is None:
            self.near.sendall(block)

    def lose(self):
        self.near.close()
        self.harm, self.is_left, self.lost_at = "mute", True, None

    def release(self):
        if self.harm == "hold":
            try:
                self.far.sendall(self.kept)
                while receive(self.far):
                    pass
            except OSError:
                pass
            self.close()


def receive(end):
    try:
        return end.recv(1 << 20)
    except OSError:
        return b""


def obey(line):
    global order, word, is_frozen
    name, _, rest = line.partition(" ")
    if name == "release":
        for pair in list(pairs):
            pair.release()
    elif name in ("freeze", "thaw"):
        is_frozen = name == "freeze"
    else:
        order, word = name, rest.encode()


def ends():
    for pair in pairs:
        if not pair.is_left:
            yield pair.near, pair, pair.hear_client
        yield pair.far, pair, pair.hear_server


listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    watched = [sys.stdin.buffer] if is_frozen else [sys.stdin.buffer, listener] + [end for end, _, _ in ends()]
    awaited = [pair.lost_at for pair in pairs if pair.lost_at]
    ready, _, _ = select.select(watched, [], [], max(0, min(awaited) - time.monotonic()) if awaited else None)
    for pair in list(pairs):
        if pair.lost_at and pair.lost_at <= time.monotonic():
            pair.lose()
    # What was ordered before a word was said is known before it.
    if sys.stdin.buffer in ready:
        orders = os.read(0, 65536)
        if not orders:
            sys.exit()
        for told in orders.decode().splitlines():
            obey(told)
        continue
    if listener in ready:
        pairs.append(Pair(listener.accept()[0]))
    for end, pair, hear in list(ends()):
        if end in ready and pair in pairs:
            hear()
