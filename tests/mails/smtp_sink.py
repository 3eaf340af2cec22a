"""A mail server of our own on loopback, as little of RFC 5321 as smtplib needs, with replies to choose.

`replies` maps a command to what is answered instead of yes: {"RCPT": "550 no"}; "GREET" is the first line.
"""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Sink:
    port: int = 0
    replies: dict[str, str] = field(default_factory=dict)
    mails: list[EmailMessage] = field(default_factory=list)
    envelopes: list[tuple[str, str]] = field(default_factory=list)
    connections: int = 0


class Conversation(socketserver.StreamRequestHandler):
    sink: Sink
    sender = recipient = ""

    def handle(self) -> None:
        self.sink.connections += 1
        self.say(self.sink.replies.get("GREET", "220 sink"))
        while line := self.rfile.readline().decode().strip():
            command = line[:4].upper()
            refusal = self.sink.replies.get(command)
            if refusal == "hang up":
                return
            if command == "DATA" and not refusal:
                self.say("354 go on")
                self.take()
                if self.sink.replies.get("TAKEN") == "hang up":
                    return
            elif command == "QUIT":
                self.say("221 bye")
                return
            else:
                self.sender = line if command == "MAIL" else self.sender
                self.recipient = line if command == "RCPT" else self.recipient
                self.say(refusal or "250 yes")

    def take(self) -> None:
        lines: list[bytes] = []
        while (line := self.rfile.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        parsed = message_from_bytes(b"".join(lines), policy=policy.default)
        self.sink.mails.append(parsed)
        self.sink.envelopes.append((self.sender, self.recipient))
        if self.sink.replies.get("TAKEN") != "hang up":
            self.say(self.sink.replies.get("TAKEN", "250 kept"))

    def say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


class Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


@contextmanager
def running_sink() -> Iterator[Sink]:
    sink = Sink()
    handler = type("Handler", (Conversation,), {"sink": sink})
    with Server(("127.0.0.1", 0), handler) as server:
        sink.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            server.shutdown()
            thread.join()
