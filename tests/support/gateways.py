"""aiosmtpd as an SMTP gateway: TLS and a login are required."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from tests.support.ews_servers import good_context
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from aiosmtpd.smtp import SMTP, Envelope, Session

    from postroom.model.relay_answers import RelayAnswer

    Mail = tuple[str, list[str], bytes]


class _Controller(Controller):  # type: ignore[misc]  # aiosmtpd has no types
    """aiosmtpd connects to itself once, which it cannot with port 0, and leaves sessions open when it stops."""

    def __init__(self, *given: object, **named: object) -> None:
        super().__init__(*given, **named)
        self.sessions: list[SMTP] = []

    def factory(self) -> SMTP:
        session = super().factory()
        self.sessions.append(session)
        return session

    async def end_sessions(self) -> None:
        for session in self.sessions:
            if session.transport is not None:
                session.transport.abort()
        for _ in range(3):  # what an abort leaves to the loop
            await asyncio.sleep(0)

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Gateway:
    """A gateway at `localhost:PORT`. `taken` has sender, recipients and content of each message."""

    def __init__(self) -> None:
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)  # aiosmtpd's own, logins included
        self.taken: list[Mail] = []
        self.logins = 0
        self._refused: dict[str, list[RelayAnswer]] = {}
        self._controller = _Controller(
            self,
            hostname="127.0.0.1",
            port=0,
            tls_context=good_context(),
            require_starttls=True,
            auth_required=True,
            authenticator=self._knows,
            decode_data=False,
            enable_SMTPUTF8=True,
            data_size_limit=50_000_000,
        )

    @property
    def port(self) -> int:
        port: int = self._controller.port
        return port

    def refuse(self, recipient: str, answer: RelayAnswer) -> None:
        """Answer so, once."""
        self._refused.setdefault(recipient, []).append(answer)

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        ending = self._controller.end_sessions()
        asyncio.run_coroutine_threadsafe(ending, self._controller.loop).result(10)
        self._controller.stop()

    def _knows(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins += 1
        is_known = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_known, handled=is_known)  # aiosmtpd answers what is not handled: 535

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        answers = self._refused.get(address)
        if answers:
            return answers.pop(0).diagnostic
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        await asyncio.sleep(0)
        assert isinstance(envelope.original_content, bytes)
        assert isinstance(envelope.mail_from, str)  # of the null sender it has the brackets
        self.taken.append((envelope.mail_from.removeprefix("<>"), list(envelope.rcpt_tos), envelope.original_content))
        return "250 2.0.0 Queued"
