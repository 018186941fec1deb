"""SMTP gateways over TLS (docs/decisions/0053).

A gateway's host is resolved for each connection; its addresses are judged, and connected to as they are. A session is
kept for the next message to the same gateway. A gateway that cannot be used, or that takes long to fail, rests for a
while: what waits for it gets the same answer, and costs no connection. So a gateway that hangs leaves time for others.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from postroom.adapters.aws.guarded_connections import MAX_ADDRESSES, connect, look_up, resolve, said
from postroom.adapters.aws.smtp_answers import RelayError, failure
from postroom.adapters.aws.smtp_login import Beginning, Login
from postroom.adapters.aws.smtp_sessions import Deadlines, Envelope
from postroom.adapters.aws.smtp_wire import Wire
from postroom.adapters.aws.tls_contexts import NO_CERTIFICATES, Contexts
from postroom.errors import PostroomError
from postroom.model.relay_answers import RelayStage
from postroom.ports.smtp_relays import SmtpRelays

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Collection, Mapping, Sequence

    from postroom.adapters.aws.guarded_connections import Address, Resolve
    from postroom.adapters.aws.smtp_sessions import Session
    from postroom.model.private_gateways import PrivateGateways
    from postroom.model.records import SmtpGateway
    from postroom.model.relay_answers import RelayAnswer
    from postroom.ports.gateway_passwords import GatewayPasswordReads

SETTINGS, DNS, CONNECT = RelayStage.SETTINGS, RelayStage.DNS, RelayStage.CONNECT

IMPLICIT_TLS_PORTS: Final = frozenset({465})
"""Ports whose connections begin with TLS; on all others it begins with STARTTLS. Source: RFC 8314, 3.3."""

MAX_MESSAGES: Final = 100
"""Most messages of one session. Ours; servers that limit them end longer ones."""

IDLE_S: Final = 30
"""Longest time between two messages of a session, in seconds. Ours; servers wait 5 minutes (RFC 5321, 4.5.3.2.7)."""

MAX_KEPT: Final = 4
"""Most sessions that are kept, of different gateways. Ours."""

REST_S: Final = 30
"""How long a gateway rests at least after a failure that every message would have, in seconds. Ours."""

REST_SHARE: Final = 4
"""A gateway rests for so many times as long as it took to fail: one that hangs has at most a fifth of an environment's
time. Ours."""


_OTHER_ADDRESS_HELPS: Final = frozenset({CONNECT, RelayStage.GREETING, RelayStage.EHLO, RelayStage.TLS})


@dataclass(frozen=True, slots=True)
class Kept:
    """A session that waits for the next message; ``since`` is of the monotonic clock."""

    session: Session
    since: float


@dataclass(frozen=True, slots=True)
class Rest:
    """The answer that a gateway gives until a time of the clock."""

    answer: RelayAnswer
    until: float


class SocketSmtpRelays(SmtpRelays):
    """Hands messages to gateways. One thread uses it at a time."""

    def __init__(
        self,
        passwords: GatewayPasswordReads,
        private_gateways: PrivateGateways,
        private_certificates: str = NO_CERTIFICATES,
        *,
        deadlines: Deadlines | None = None,
        resolve: Resolve = resolve,
        clock: Callable[[], float] = time.monotonic,
        rest_s: float = REST_S,
        implicit_tls_ports: Collection[int] = IMPLICIT_TLS_PORTS,
    ) -> None:
        """Keep what is needed.

        Args:
            private_gateways: gateways that may have private addresses.
            private_certificates: PEM of their authorities, or of themselves, in one line or many; or NONE.
            clock: returns seconds; for sessions that wait and gateways that rest.

        Raises:
            SettingsError: the certificates are no PEM.
        """
        self._passwords, self._private_gateways = passwords, private_gateways
        self._contexts = Contexts(private_certificates, "PRIVATE_SMTP_CERTIFICATES")
        self._deadlines, self._resolve, self._clock = deadlines or Deadlines(), resolve, clock
        self._rest_s, self._implicit_tls_ports = rest_s, implicit_tls_ports
        self._kept: dict[SmtpGateway, Kept] = {}
        self._rests: dict[SmtpGateway, Rest] = {}

    def relay(
        self, gateway: SmtpGateway, envelope_from: str, recipients: Sequence[str], content: bytes
    ) -> Mapping[str, RelayAnswer]:
        envelope = Envelope(envelope_from, tuple(dict.fromkeys(recipients)), content)
        began, end = self._clock(), time.monotonic() + self._deadlines.total_s
        try:
            session = self._session(gateway, end)
        except RelayError as error:
            return dict.fromkeys(envelope.recipients, error.answer)
        answers = session.hand_over(envelope, end)
        self._keep(gateway, session)
        self._rest_if_slow(gateway, session, REST_SHARE * (self._clock() - began))
        return answers

    def close(self) -> None:
        """End the sessions that are kept."""
        while self._kept:
            self._kept.popitem()[1].session.close()

    def _session(self, gateway: SmtpGateway, end: float) -> Session:
        """Return the session that is kept for a gateway, or a new one.

        Raises:
            RelayError: the gateway cannot be used, or rests.
        """
        rest = self._rests.get(gateway)
        if rest is not None and self._clock() < rest.until:
            raise RelayError(rest.answer)
        kept = self._kept.pop(gateway, None)
        if kept is not None:
            if self._clock() - kept.since <= IDLE_S and kept.session.is_alive(end):
                return kept.session
            kept.session.close()
        began = self._clock()
        try:
            return self._begun(gateway, end)
        except RelayError as error:
            self._rest(gateway, error.answer, max(self._rest_s, REST_SHARE * (self._clock() - began)))
            raise

    def _rest_if_slow(self, gateway: SmtpGateway, session: Session, rest_s: float) -> None:
        """Let a gateway rest whose session has ended in a message; not if that was soon: it may be the message."""
        if session.lost is not None and rest_s >= self._rest_s:
            self._rest(gateway, session.lost, rest_s)

    def _rest(self, gateway: SmtpGateway, answer: RelayAnswer, rest_s: float) -> None:
        now = self._clock()
        self._rests = {each: of for each, of in self._rests.items() if now < of.until}
        self._rests[gateway] = Rest(answer, now + rest_s)

    def _keep(self, gateway: SmtpGateway, session: Session) -> None:
        if not session.is_usable or session.messages >= MAX_MESSAGES:
            session.close()
            return
        self._kept[gateway] = Kept(session, self._clock())
        while len(self._kept) > MAX_KEPT:
            self._kept.pop(next(iter(self._kept))).session.close()

    def _begun(self, gateway: SmtpGateway, end: float) -> Session:
        """Return a new session with the first of the host's addresses that has one.

        Raises:
            RelayError: none has. A refused login is not tried at another address.
        """
        failed = failure(SETTINGS, "The gateway's host has no address on the public internet.", "4.3.5")
        for address in self._addresses(gateway, end):
            try:
                return self._begun_at(gateway, address, end)
            except RelayError as error:
                if error.answer.stage not in _OTHER_ADDRESS_HELPS:
                    raise
                failed = error
        raise failed

    def _addresses(self, gateway: SmtpGateway, end: float) -> list[Address]:
        """Return the addresses that may be connected to, at most ``MAX_ADDRESSES``."""
        wait_s = min(self._deadlines.connect_s, end - time.monotonic())
        try:
            found = look_up(self._resolve, gateway.host, gateway.port, wait_s)
        except TimeoutError as error:
            raise failure(DNS, "The gateway's host could not be resolved in time.", "4.4.3") from error
        except OSError as error:
            raise failure(DNS, "The gateway's host has no address.", "4.4.3") from error
        may_connect = self._private_gateways.may_connect
        return [each for each in dict.fromkeys(found) if may_connect(gateway.host, gateway.port, each)][:MAX_ADDRESSES]

    def _begun_at(self, gateway: SmtpGateway, address: Address, end: float) -> Session:
        try:
            connected = connect(address, gateway.port, min(end, time.monotonic() + self._deadlines.connect_s))
        except TimeoutError as error:
            raise failure(CONNECT, "The gateway did not take the connection in time.", "4.4.1") from error
        except OSError as error:
            raise failure(CONNECT, f"The gateway cannot be reached: {said(error)}.", "4.4.1") from error
        wire = Wire(connected, end)
        beginning = Beginning(
            wire, gateway.host, self._tls(gateway), self._deadlines, gateway.port in self._implicit_tls_ports
        )
        try:
            with wire.held_until(end):
                return beginning.session(lambda: self._login(gateway))
        except BaseException:
            wire.close()
            raise

    def _login(self, gateway: SmtpGateway) -> Login:
        try:
            password = self._passwords.open(gateway.sealed_password, gateway.organization_id, gateway.id)
        except PostroomError as error:
            raise failure(SETTINGS, "The gateway's password cannot be decrypted.", "4.3.5") from error
        return Login(gateway.user_name, password)

    def _tls(self, gateway: SmtpGateway) -> ssl.SSLContext:
        return self._contexts.of(is_listed=(gateway.host, gateway.port) in self._private_gateways.servers)
