"""How a session with an SMTP gateway begins: greeting, EHLO, TLS, EHLO, login.

All failures are temporary: they are about the gateway, whose owner may correct it while mail waits. The password is
sent after the certificate was checked, and never otherwise. Of what a gateway says to a login, the code alone is shown.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.smtp_answers import RelayError, answer_of, at, failure
from postroom.adapters.aws.smtp_sessions import Session
from postroom.contracts import smtp
from postroom.model.relay_answers import RelayStage

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping, Sequence

    from postroom.adapters.aws.smtp_sessions import Deadlines
    from postroom.adapters.aws.smtp_wire import Wire
    from postroom.contracts.smtp import Reply

GREETING, EHLO, TLS, AUTH = RelayStage.GREETING, RelayStage.EHLO, RelayStage.TLS, RelayStage.AUTH

READY: Final = 220
CHALLENGE: Final = 334
LOGGED_IN: Final = 235
"""Source: RFC 5321, 4.3.2 (greeting); RFC 3207, 4 (STARTTLS); RFC 4954, 6 (the others)."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a gateway asks for."""

    user_name: str
    password: str = field(repr=False)

    @property
    def plain(self) -> str:
        """The response of the mechanism PLAIN. Source: RFC 4616, 2."""
        return _coded(f"\0{self.user_name}\0{self.password}")

    @property
    def responses(self) -> tuple[str, str]:
        """Those of the mechanism LOGIN. Source: draft-murchison-sasl-login."""
        return _coded(self.user_name), _coded(self.password)

    @property
    def secrets(self) -> tuple[str, ...]:
        """Texts that no answer may repeat."""
        return self.password, self.plain, self.responses[1]


@dataclass(frozen=True, slots=True)
class Beginning:
    """Begins a session over a connection.

    Attributes:
        host: that the certificate is checked for.
        is_implicit: whether TLS begins with the connection, without STARTTLS.
    """

    wire: Wire
    host: str
    context: ssl.SSLContext
    deadlines: Deadlines
    is_implicit: bool

    def session(self, login: Callable[[], Login]) -> Session:
        """Return the session after its login.

        Args:
            login: is called once the gateway is known to be the one that was named.

        Raises:
            RelayError: it did not come to that.
        """
        if self.is_implicit:
            self._secure()
        with at(GREETING):
            self._check(self.wire.reply(self.deadlines.command_s), GREETING, READY)
        offers = self._greet()
        if not self.is_implicit:
            if "STARTTLS" not in offers:
                raise failure(TLS, "The gateway does not offer STARTTLS.", "4.7.5")
            self._check(self._ask("STARTTLS", TLS), TLS, READY)
            self._secure()
            offers = self._greet()  # what was said in the clear does not count (RFC 3207, 4.2)
        used = login()
        self._log_in(used, offers.get("AUTH", ()))
        return Session(self.wire, offers, self.deadlines, used.secrets)

    def _secure(self) -> None:
        with at(TLS):
            self.wire.secure(self.context, self.host, self.deadlines.command_s)

    def _greet(self) -> Mapping[str, Sequence[str]]:
        reply = self._ask(f"EHLO {self.wire.own_address}", EHLO)
        if not reply.is_positive:
            raise RelayError(answer_of(reply, EHLO, ()))
        return smtp.offers(reply)

    def _log_in(self, login: Login, mechanisms: Sequence[str]) -> None:
        """Log in by PLAIN, or by LOGIN if only that is offered: basic authentication (guide, ZH:3742)."""
        if "PLAIN" in mechanisms:
            reply = self._ask(f"AUTH PLAIN {login.plain}", AUTH)
            if reply.code == CHALLENGE:  # some servers ask again for what they have
                reply = self._ask(login.plain, AUTH)
        elif "LOGIN" in mechanisms:
            reply = self._ask("AUTH LOGIN", AUTH)
            for response in login.responses:
                if reply.code == CHALLENGE:
                    reply = self._ask(response, AUTH)
        else:
            raise failure(AUTH, "The gateway does not offer AUTH with PLAIN or LOGIN.", "4.7.4")
        if reply.code != LOGGED_IN:
            raise _refusal(reply)

    def _ask(self, command: str, stage: RelayStage) -> Reply:
        with at(stage):
            return self.wire.ask(command, self.deadlines.command_s)

    @staticmethod
    def _check(reply: Reply, stage: RelayStage, expected: int) -> None:
        if reply.code == expected:
            return
        if reply.code < 400:
            raise failure(stage, f"The gateway answered {reply.code}, which is not expected here.", "4.5.0")
        raise RelayError(answer_of(reply, stage, ()))


def _refusal(reply: Reply) -> RelayError:
    if reply.code < 400:
        return failure(AUTH, f"The gateway answered the login with {reply.code}, which is not expected here.", "4.7.0")
    if reply.code < 500:
        return failure(AUTH, "The gateway could not check the login.", "4.7.0", code=reply.code)
    return failure(AUTH, "The gateway refused the user name or the password.", "4.7.8", code=reply.code)


def _coded(text: str) -> str:
    return base64.b64encode(text.encode()).decode("ascii")
