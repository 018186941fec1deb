"""An SMTP gateway on this machine, and the steps of a conversation with it as calls that may go wrong.

A step is the connection, the greeting, a command with its reply, or the end of the content with its answer. Only the
last one hands a message over.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar
from unittest.mock import patch

from postroom.adapters.aws import smtp_relays
from postroom.adapters.aws.guarded_connections import connect
from postroom.adapters.aws.smtp_wire import Wire, WireError
from postroom.contracts.smtp import END_OF_CONTENT, Reply
from tests.faults.outgoing import Transmitted
from tests.support.ews_servers import authority
from tests.support.smtp_servers import STEPS, HangUpError, SmtpServer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.faults.clock import Clock
    from tests.faults.injector import Injector
    from tests.support.smtp_servers import Step, Talk

T = TypeVar("T")

SERVICE: Final = "smtp"
HOST: Final = "127.0.0.1"
BUSY: Final = "451 4.3.2 Try again later"
LISTED: Final = "PRIVATE_SMTP_GATEWAYS"


@dataclass
class WalkedGateway:
    """A gateway; it takes what is not refused.

    Attributes:
        refusals: replies to RCPT by recipient, one for each time; after the last one it is accepted.
        refused: replies to RCPT that stay the same.
        up_at: time of the clock before which connections are ended at once.
        is_busy: whether the next command is refused for now.
    """

    clock: Clock
    refusals: dict[str, list[str]] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)
    up_at: float = 0.0
    is_busy: bool = False

    def __post_init__(self) -> None:
        self._server = SmtpServer()
        self._server.steps = {name: self._doing(name, usual) for name, usual in STEPS.items()}
        os.environ[LISTED] = f"{HOST}:{self.port}"  # of an account that goes with the stack
        os.environ["PRIVATE_SMTP_CERTIFICATES"] = authority().pem

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._server.port

    @property
    def taken(self) -> list[Transmitted]:
        """The messages that it has, each with the recipients that it accepted."""
        return [
            Transmitted(tuple(each.partition("<")[2].rstrip(">") for each in found.recipients), found.content.decode())
            for found in self._server.taken
        ]

    def begin(self) -> None:
        """Begin a run."""
        self.refusals, self.refused, self.up_at, self.is_busy = {}, {}, 0.0, False
        self._server.taken.clear()
        self._server.commands.clear()

    def close(self) -> None:
        """Stop."""
        self._server.__exit__()

    def _doing(self, name: str, usual: Step) -> Step:
        def does(_: Talk) -> str:
            assert isinstance(usual, str)
            if name == "GREETING":
                if self.clock.time() < self.up_at:
                    raise HangUpError
                return usual
            busy, self.is_busy = self.is_busy, False
            if busy:
                return BUSY
            return self._recipient(usual) if name == "RCPT" else usual

        return does

    def _recipient(self, usual: str) -> str:
        recipient = self._server.commands[-1].partition("<")[2].rstrip(">")
        once = self.refusals.get(recipient)
        return once.pop(0) if once else self.refused.get(recipient, usual)


@dataclass
class Conversations:
    """Makes calls of the steps of every conversation."""

    gateway: WalkedGateway
    injector: Injector
    _sockets: list[socket.socket] = field(default_factory=list)
    _wires: list[Wire] = field(default_factory=list)
    _ending: Callable[[], None] | None = None
    _is_inside: bool = False

    def hang_up(self) -> None:
        """Close every connection, as the system does when an environment ends."""
        for each in (*self._sockets, *(wire._socket for wire in self._wires)):
            each.close()
        self._sockets, self._wires, self._ending = [], [], None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Patch connections to gateways."""
        begin, ask, send, reply = Wire.__init__, Wire.ask, Wire.send, Wire.reply

        def begun(wire: Wire, connected: socket.socket, end: float) -> None:
            begin(wire, connected, end)
            self._wires.append(wire)

        def connected(*place: Any) -> socket.socket:
            def kept() -> socket.socket:
                self._sockets.append(connect(*place))
                return self._sockets[-1]

            return self._meet("CONNECT", kept, _refuse_connection, TimeoutError())

        def asked(wire: Wire, command: str, wait_s: float) -> Reply:
            return self._step(command.partition(" ")[0], lambda: ask(wire, command, wait_s))

        def sent(wire: Wire, data: bytes, wait_s: float, **more: float) -> None:
            if data == END_OF_CONTENT:
                self._ending = lambda: send(wire, data, wait_s)  # one step with the answer
            else:
                send(wire, data, wait_s, **more)

        def replied(wire: Wire, wait_s: float) -> Reply:
            if self._is_inside:
                return reply(wire, wait_s)
            if self._ending is None:
                return self._greeting(lambda: reply(wire, wait_s))
            ends, self._ending = self._ending, None

            def end() -> Reply:
                ends()
                return reply(wire, wait_s)

            return self._step("CONTENT", end)

        with ExitStack() as stack:
            for name, made in {"__init__": begun, "ask": asked, "send": sent, "reply": replied}.items():
                stack.enter_context(patch.object(Wire, name, made))
            stack.enter_context(patch.object(smtp_relays, "connect", connected))
            stack.callback(self.gateway.close)
            stack.callback(self.hang_up)
            yield

    def _step(self, name: str, send: Callable[[], Reply]) -> Reply:
        def refuse() -> Reply:
            self.gateway.is_busy = True
            return self._inside(send)

        return self._meet(name, send, refuse, _silence())

    def _greeting(self, send: Callable[[], Reply]) -> Reply:
        def refuse() -> Reply:
            self._inside(send)
            return Reply.of([b"421 4.3.2 Too many connections"])

        return self._meet("GREETING", send, refuse, _silence())

    def _meet(self, name: str, send: Callable[[], T], refuse: Callable[[], T], lost: Exception) -> T:
        if self._is_inside:
            return send()
        return self.injector.make(SERVICE, name, lambda: self._inside(send), refuse=refuse, lost=lost)

    def _inside(self, send: Callable[[], T]) -> T:
        """Take a step, whose parts are no steps."""
        self._is_inside = True
        try:
            return send()
        finally:
            self._is_inside = False


def _refuse_connection() -> NoReturn:
    raise ConnectionRefusedError


def _silence() -> WireError:
    return WireError("The gateway did not answer in time.", "4.4.2")
