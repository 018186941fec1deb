"""A message that is handed to a scripted gateway, with short waits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.adapters.aws.smtp_login import Login
from postroom.adapters.aws.smtp_relays import REST_S, SocketSmtpRelays
from postroom.adapters.aws.smtp_sessions import Deadlines
from postroom.adapters.memory.gateway_passwords import MemoryGatewayPasswords
from postroom.model.private_gateways import PrivateGateways
from postroom.model.records import SmtpGateway
from tests.support.builders import ORG
from tests.support.ews_servers import authority, resolver
from tests.support.smtp_servers import PASSWORD, USER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.relay_answers import RelayAnswer
    from tests.support.smtp_servers import SmtpServer

ADA, BOB = "ada@partner.test", "bob@partner.test"
SENDER = "ann@acme.test"
CONTENT = b"From: ann@acme.test\r\n\r\nHello\r\n"

QUICK = Deadlines(connect_s=0.3, command_s=0.3, piece_s=0.3, answer_s=0.3, total_s=1.5)
"""For servers that hang; none of the others waits so long."""

USUAL = Deadlines(connect_s=5, command_s=5, piece_s=5, answer_s=5, total_s=20)


@dataclass
class Client:
    """A relay with one gateway; ``now`` is the time of its sessions and rests."""

    port: int
    host: str = "localhost"
    addresses: Sequence[str] = ("127.0.0.1",)
    deadlines: Deadlines = USUAL
    is_listed: bool = True
    is_implicit: bool = False
    now: float = 1000.0
    passwords: MemoryGatewayPasswords = field(default_factory=MemoryGatewayPasswords)

    def __post_init__(self) -> None:
        listed = f"{self.host}:{self.port}" if self.is_listed else "NONE"
        self.relays = SocketSmtpRelays(
            self.passwords,
            PrivateGateways.read(listed),
            authority().pem,
            deadlines=self.deadlines,
            resolve=resolver({self.host: self.addresses}),
            clock=lambda: self.now,
            rest_s=REST_S,
            implicit_tls_ports={self.port} if self.is_implicit else (),
        )
        self.gateway = SmtpGateway(
            organization_id=ORG,
            id="g-1",
            name="Relay",
            host=self.host,
            port=self.port,
            user_name=USER,
            sealed_password=self.passwords.seal(PASSWORD, ORG, "g-1"),
        )

    @property
    def login(self) -> Login:
        return Login(USER, PASSWORD)

    @classmethod
    def of(cls, server: SmtpServer, deadlines: Deadlines = USUAL) -> Client:
        return cls(server.port, deadlines=deadlines)

    def relay(self, *recipients: str, sender: str = SENDER, content: bytes = CONTENT) -> Mapping[str, RelayAnswer]:
        """Hand one message over, and end the session."""
        try:
            return self.relays.relay(self.gateway, sender, recipients or (ADA,), content)
        finally:
            self.relays.close()

    def answer(self, *, content: bytes = CONTENT) -> RelayAnswer:
        """The answer for a message with one recipient."""
        return self.relay(content=content)[ADA]
