"""The ports of submission: mail clients log in behind TLS and hand over messages (RFC 6409, 3207, 4954, 8314).

This speaks SMTP; ``postroom.smtp.front`` decides every answer that depends on the client. One port begins TLS with
STARTTLS, the other one with the connection; a session is the same behind both, and both have their limits together.
Before TLS only EHLO, NOOP, STARTTLS and QUIT do something, and before a login no message begins. Nothing that a client
says is logged.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, cast

from aiosmtpd.smtp import MISSING

from local.mail.implicit_tls import ImplicitTls, Waiting
from local.mail.listener import Listener
from local.mail.services import Service
from local.mail.smtp_protocol import MAX_MESSAGE_BYTES, BytesSMTP, name_the_fault
from postroom.contracts import sasl
from postroom.smtp.front import Session
from postroom.smtp.replies import Reply

if TYPE_CHECKING:
    import socket
    import ssl
    from asyncio.sslproto import SSLProtocol
    from collections.abc import Callable, Mapping

    from aiosmtpd.smtp import Envelope
    from aiosmtpd.smtp import Session as Connection

    from postroom.contracts.http_basic import Credentials
    from postroom.smtp.front import Front

MAX_CONNECTIONS: Final = 200
"""Sessions at once, of both ports; further connections are told to come later. Ours."""

MAX_MESSAGES: Final = 8
"""Messages that are received or submitted at once; others wait before DATA is answered. Ours: one of 40 MB takes 80 MB
of memory for a moment."""

MAX_COMMAND_BYTES: Final = sasl.MAX_RESPONSE_CHARACTERS + 100
"""Longest command, in bytes. Source: RFC 4954, 4, for a response of SASL and the command before it."""

IDLE_SECONDS: Final = 300.0
"""How long the next command or part of a message may take, in seconds. Source: RFC 5321, 4.5.3.2.7."""

DATA_SECONDS: Final = 1800.0
"""How long a whole message may take, in seconds. Ours: 40 MB at 200 kbit/s."""

THREADS: Final = 8
"""Sessions that wait for a service at once, each in a thread. Ours; a password takes 64 MiB while it is compared."""


class SubmissionServer:
    """Answers mail clients on listening sockets."""

    def __init__(
        self,
        front: Front,
        taken: Mapping[Service, socket.socket],
        tls: ssl.SSLContext,
        *,
        host_name: str,
        log: Callable[[str, Reply], None] = lambda _command, _reply: None,
    ) -> None:
        """Take the sockets; `start` begins to answer.

        Args:
            front: decides.
            taken: a listening socket per service.
            tls: of the server, with its certificate.
            host_name: the name that the server greets with.
            log: called with each command and its answer if the answer has fields for the log.
        """
        self.front, self.tls, self.host_name, self.log = front, tls, host_name, log
        self.executor = ThreadPoolExecutor(THREADS, thread_name_prefix="submission")
        self.room = asyncio.Semaphore(MAX_MESSAGES)
        self.connections: set[SubmissionSMTP] = set()
        self.waiting = Waiting()
        self._listener = Listener(self._end)
        protocols = {Service.SUBMISSION: self._plain, Service.SUBMISSIONS: self._behind_tls}
        self.ports = {service: self._listener.add(each, protocols[service]) for service, each in taken.items()}

    def start(self) -> None:
        """Answer from now on."""
        self._listener.start()

    def close(self) -> None:
        """Stop listening and end every session; what is being submitted is submitted, without an answer."""
        self._listener.close()
        self.executor.shutdown(wait=False, cancel_futures=True)

    def _plain(self, loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
        return _Arrival(self, loop)

    def _behind_tls(self, loop: asyncio.AbstractEventLoop) -> asyncio.BaseProtocol:
        arrival = _Arrival(self, loop)
        arrival.tls = ImplicitTls(loop, arrival, self.tls, self.waiting)
        return arrival.tls

    def _end(self) -> None:
        """Close every connection without TLS's farewell, for which the loop would have to go on."""
        self.waiting.abort()
        for connection in list(self.connections):
            connection.abort()


class _Arrival(asyncio.Protocol):
    """A connection that gets a session if there is room for one; with implicit TLS, after the handshake."""

    def __init__(self, server: SubmissionServer, loop: asyncio.AbstractEventLoop) -> None:
        self.server, self.loop = server, loop
        self.tls: ImplicitTls | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self.server.connections) >= MAX_CONNECTIONS:
            cast("asyncio.WriteTransport", transport).write(b"421 4.7.0 Too many connections\r\n")
            transport.close()
            return
        if self.tls is not None:
            self.server.waiting.remove(self.tls)
        session = SubmissionSMTP(self.server, self.loop, self.tls)
        transport.set_protocol(session)
        session.connection_made(transport)


class SubmissionSMTP(BytesSMTP):
    """One connection. aiosmtpd's own AUTH blocks the loop, and is case-sensitive; its STARTTLS may be repeated."""

    _tls_protocol: SSLProtocol | None
    _original_transport: asyncio.WriteTransport | None  # the socket's, if TLS is between it and the session

    def __init__(
        self, server: SubmissionServer, loop: asyncio.AbstractEventLoop, tls: ImplicitTls | None = None
    ) -> None:
        super().__init__(
            _Handler(),
            data_size_limit=MAX_MESSAGE_BYTES,
            enable_SMTPUTF8=True,
            hostname=server.host_name,
            ident="Postroom submission",
            tls_context=server.tls,
            require_starttls=True,
            timeout=IDLE_SECONDS,
            auth_required=True,
            loop=loop,
        )
        # aiosmtpd's is one for all connections, and every EHLO adds to it
        self.command_size_limits: dict[str, int] = defaultdict(lambda: MAX_COMMAND_BYTES)
        if tls is not None:  # as after STARTTLS: otherwise aiosmtpd sees no TLS, and offers no AUTH
            self._tls_protocol, self._original_transport = tls, tls.raw
        self.server = server
        self._client: Session | None = None
        self._data_until = 0.0

    @property
    def client(self) -> Session:
        """What answers for this connection."""
        if self._client is None:
            self._client = Session(self.server.front, str(self.session.peer[0]))
        return self._client

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Count the connection; this is called again once TLS has begun."""
        self.server.connections.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """Count it no more."""
        self.server.connections.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        """Close the connection at once."""
        transport = self._original_transport or self.transport
        if transport is not None:
            transport.abort()

    async def ask(self, command: str, question: Callable[..., Reply], *arguments: Any) -> str:
        """Ask in a thread, and return the answer's line; the connection ends after it if the answer says so."""
        reply: Reply = await self.loop.run_in_executor(self.server.executor, question, *arguments)
        if reply.log:
            self.server.log(command, reply)
        if reply.closes and self.transport is not None:
            self.loop.call_soon(self.transport.close)  # after the answer is written
        return reply.text

    async def smtp_STARTTLS(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        """Begin TLS, once."""
        if self._tls_protocol is not None:
            await self.push("503 5.5.1 TLS is active")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str | None) -> None:  # noqa: N802  aiosmtpd's name
        """Log in, by PLAIN or LOGIN; a mechanism's name may have any case."""
        if await self.check_helo_needed("EHLO"):
            return
        if self.session.authenticated:
            await self.push("503 5.5.1 Already authenticated")
            return
        mechanism, _, initial = (arg or "").partition(" ")
        if mechanism.upper() not in sasl.MECHANISMS:
            await self.push("504 5.5.4 Unrecognized authentication type")
            return
        readings = await self._readings(mechanism.upper(), initial.strip())
        if readings is None:
            return  # answered already
        said = await self.ask("AUTH", self.client.log_in, readings)
        self.session.authenticated = said.startswith("2")
        await self.push(said)

    async def _readings(self, mechanism: str, initial: str) -> tuple[Credentials, ...] | None:
        """Get a mechanism's responses; None: the client gave up, or sent no base64, and has its answer."""
        first = await self._response(initial, b"" if mechanism == sasl.PLAIN else sasl.LOGIN_CHALLENGES[0])
        if first is None or mechanism == sasl.PLAIN:
            return None if first is None else sasl.plain(first)
        password = await self._response("", sasl.LOGIN_CHALLENGES[1])
        return None if password is None else sasl.login(first, password)

    async def _response(self, initial: str, challenge: bytes) -> bytes | None:
        if not initial:
            found = await self.challenge_auth(challenge)
            return None if found is MISSING else bytes(found)
        try:
            return base64.b64decode("" if initial == "=" else initial, validate=True)
        except (binascii.Error, ValueError):
            await self.push("501 5.5.2 Cannot decode base64")
            return None

    async def smtp_DATA(self, arg: str) -> None:  # noqa: N802  aiosmtpd's name
        """Receive a message once there is room for it."""
        async with self.server.room:
            self._data_until = self.loop.time() + DATA_SECONDS
            await super().smtp_DATA(arg)

    def data_came(self) -> None:
        """Wait for the next part, but not beyond the time for the whole message."""
        self._reset_timeout(max(0.001, min(IDLE_SECONDS, self._data_until - self.loop.time())))

    def _getparams(self, params: Any) -> Any:
        """Read parameters of MAIL and RCPT; AUTH of RFC 4954, 5, is allowed and means nothing here."""
        return super()._getparams([each for each in params if not each.startswith("AUTH=")])

    def _timeout_cb(self) -> None:
        if self.transport is not None:
            self.transport.write(b"421 4.4.2 Timeout\r\n")
        super()._timeout_cb()


class _Handler:
    """aiosmtpd's hooks."""

    async def handle_EHLO(  # noqa: N802  aiosmtpd's name and order
        self, _server: object, session: Connection, _envelope: Envelope, name: str, lines: list[str]
    ) -> list[str]:
        session.host_name = name
        offered = f"250-AUTH {' '.join(sasl.MECHANISMS)}"
        return [offered if line.startswith("250-AUTH ") else line for line in lines]

    async def handle_MAIL(  # noqa: N802
        self, server: SubmissionSMTP, _session: Connection, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        said = await server.ask("MAIL", server.client.begin)
        if said.startswith("2"):
            envelope.mail_from = address
        return said

    async def handle_RCPT(  # noqa: N802
        self, server: SubmissionSMTP, _session: Connection, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        found = server.client.recipient(address, envelope.rcpt_tos)
        if isinstance(found, Reply):
            return found.text
        if found not in envelope.rcpt_tos:
            envelope.rcpt_tos.append(found)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SubmissionSMTP, _session: Connection, envelope: Envelope) -> str:  # noqa: N802
        return await server.ask("DATA", server.client.submit, tuple(envelope.rcpt_tos), envelope.content)

    async def handle_exception(self, error: Exception) -> str:
        return await name_the_fault(error)
