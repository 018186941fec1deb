"""SMTP servers on this machine, for gateways: a scripted one that fails at any step, with certificates made here."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from tests.support.ews_servers import Connection, EwsServer, good_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Step = str | Callable[["Talk"], str | None]

USER, PASSWORD = "acme", "pässwörd: with ÿ"
PLAIN: Final = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()

STEPS: Final[dict[str, Step]] = {
    "GREETING": "220 gateway.test ESMTP",
    "EHLO": "250-gateway.test\r\n250-SIZE 41943040\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 STARTTLS",
    "STARTTLS": "220 2.0.0 Go ahead",
    "SECURE EHLO": "250-gateway.test\r\n250-SIZE 41943040\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 AUTH LOGIN PLAIN",
    "AUTH": "235 2.7.0 Welcome",
    "MAIL": "250 2.1.0 OK",
    "RCPT": "250 2.1.5 OK",
    "DATA": "354 Go on",
    "CONTENT": "250 2.0.0 Queued as 12345",
    "RSET": "250 2.0.0 OK",
}
"""What a good gateway says to each command. A step may be a function: it returns the reply, or None to say nothing."""


class HangUpError(Exception):
    """The server ends the connection."""


def hang(talk: Talk) -> None:
    """Wait until the server is stopped."""
    talk.connection.hang()
    raise HangUpError


def hang_up(talk: Talk) -> str:
    """End the connection."""
    raise HangUpError


def drip(talk: Talk) -> None:
    """Begin a reply, and continue it byte by byte for ever."""
    talk.connection.drip(b"2")


@dataclass
class Taken:
    """A message that the server has taken; its content without the doubled dots."""

    mail: str
    recipients: list[str]
    content: bytes


@dataclass
class Talk:
    """One connection."""

    connection: Connection
    read: bytearray = field(default_factory=bytearray)

    def send(self, text: str) -> None:
        self.connection.send(text.encode("utf-8", "surrogateescape") + b"\r\n")

    def until(self, end: bytes) -> bytes:
        """The bytes up to an end, which is left out."""
        while end not in self.read:
            part = self.connection.sock.recv(65_536)
            if not part:
                raise HangUpError
            self.read += part
        found, _, rest = bytes(self.read).partition(end)
        self.read = bytearray(rest)
        return found


class SmtpServer:
    """A gateway that does what its steps say; ``commands`` has all that it was asked but QUIT, in order."""

    def __init__(
        self, context: ssl.SSLContext | None = None, *, implicit: bool = False, host: str = "127.0.0.1", **steps: Step
    ) -> None:
        self.steps: dict[str, Step] = {**STEPS, **{name.replace("_", " "): step for name, step in steps.items()}}
        self.context = context or good_context()
        self._implicit = implicit
        self.commands: list[str] = []
        self.taken: list[Taken] = []
        self._server = EwsServer(self._talk, self.context if implicit else None, host=host)

    @classmethod
    def but(cls, step: str, does: Step) -> Self:
        """A good gateway but for one step."""
        server = cls()
        server.steps[step] = does
        return server

    @property
    def port(self) -> int:
        return self._server.port

    @property
    def connections(self) -> int:
        return self._server.connections

    @property
    def verbs(self) -> list[str]:
        """The first words of the commands."""
        return [command.partition(" ")[0] for command in self.commands]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._server.__exit__(*error)

    def _talk(self, connection: Connection) -> None:
        talk = Talk(connection)
        try:
            self._answer(talk, "GREETING")
            self._serve(talk)
        except HangUpError:
            return

    def _serve(self, talk: Talk) -> None:
        secure, mail, recipients = self._implicit, "", list[str]()
        while True:
            command = talk.until(b"\r\n").decode()
            verb, _, rest = command.partition(" ")
            if verb == "QUIT":
                return
            self.commands.append(command)
            code = self._answer(talk, f"SECURE {verb}" if secure and verb == "EHLO" else verb)
            if verb == "STARTTLS" and code == "220":
                talk.connection.secure(self.context)
                secure = True
            elif verb == "MAIL":
                mail, recipients = rest, []
            elif verb == "RCPT" and code[0] == "2":
                recipients.append(rest)
            elif verb == "DATA" and code == "354":
                talk.read[:0] = b"\r\n"  # so that the first line is like the others
                content = talk.until(b"\r\n.\r\n") + b"\r\n"
                reply = self._reply(talk, "CONTENT")
                if reply is not None and reply[0] == "2":  # noted first: with the reply, the test goes on
                    self.taken.append(Taken(mail, recipients, content.replace(b"\r\n..", b"\r\n.")[2:]))
                if reply is not None:
                    talk.send(reply)

    def _answer(self, talk: Talk, name: str) -> str:
        """Do a step; return the code of the reply, ``000`` if there is none."""
        reply = self._reply(talk, name)
        if reply is None:
            return "000"
        talk.send(reply)
        return reply[:3]

    def _reply(self, talk: Talk, name: str) -> str | None:
        """Do a step; return the reply, which is not sent yet."""
        step = self.steps.get(name, "500 5.5.1 Unknown command")
        return step if isinstance(step, str) else step(talk)
