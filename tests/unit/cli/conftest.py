"""A listener that keeps what came over the wire, and the command line in this process."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from unittest.mock import patch

import pytest
from typer.testing import CliRunner, Result

from cli.main import app

Run = Callable[..., Result]


@dataclass
class Wire:
    """One SMTP conversation after another; everything that the client sent, as bytes."""

    listener: socket.socket
    commands: list[bytes] = field(default_factory=list)
    data: list[bytes] = field(default_factory=list)
    refuse: set[bytes] = field(default_factory=set)
    answer_to_data: bytes = b"250 OK"

    @property
    def address(self) -> str:
        host, port = self.listener.getsockname()
        return f"{host}:{port}"

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self._converse(stream)

    def _converse(self, stream) -> None:  # type: ignore[no-untyped-def]
        def say(*lines: bytes) -> None:
            stream.write(b"".join(line + b"\r\n" for line in lines))
            stream.flush()

        say(b"220 wire")
        while line := stream.readline():
            command = line.rstrip(b"\r\n")
            self.commands.append(command)
            verb = command[:4].upper()
            if verb == b"EHLO":
                say(b"250-wire", b"250-SIZE 41943040", b"250-SMTPUTF8", b"250 8BITMIME")
            elif verb == b"DATA":
                say(b"354 go on")
                sent = b""
                while not (sent == b".\r\n" or sent.endswith(b"\r\n.\r\n")):
                    sent += stream.readline()
                self.data.append(sent)
                say(self.answer_to_data)
            elif any(address in command for address in self.refuse):
                say(b"550 5.1.1 no such domain here")
            elif verb == b"QUIT":
                say(b"221 bye")
                return
            else:
                say(b"250 OK")


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> Iterator[Wire]:
    listener = socket.create_server(("127.0.0.1", 0))
    served = Wire(listener)
    thread = threading.Thread(target=served.serve, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("POSTROOM_SMTP", served.address)
    yield served
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(timeout=5)


@pytest.fixture
def run() -> Run:
    """Run a command; what it raises is in the result."""

    def invoke(*arguments: object) -> Result:
        with patch.dict(os.environ):  # a command changes the environment of its process
            return CliRunner().invoke(app, [str(each) for each in arguments])

    return invoke
