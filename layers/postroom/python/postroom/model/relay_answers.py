"""What became of each recipient when a message was handed to an SMTP gateway."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RelayResult(StrEnum):
    """What follows for a recipient."""

    ACCEPTED = "ACCEPTED"  # the gateway has taken the message for it: it is never sent again
    TEMPORARY = "TEMPORARY"  # another attempt may succeed
    PERMANENT = "PERMANENT"  # no attempt will succeed


class RelayStage(StrEnum):
    """The step that ended an attempt. All before MAIL are about the gateway, and not about the message."""

    SETTINGS = "SETTINGS"  # its host may not be connected to, or its password cannot be decrypted
    DNS = "DNS"
    CONNECT = "CONNECT"
    GREETING = "GREETING"
    EHLO = "EHLO"
    TLS = "TLS"  # STARTTLS and the handshake; port 465: the handshake
    AUTH = "AUTH"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"  # the command, the content and the answer to its end

    @property
    def is_of_gateway(self) -> bool:
        """Whether every message would have ended here."""
        return self not in (RelayStage.MAIL, RelayStage.RCPT, RelayStage.DATA)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayAnswer:
    """The answer for one recipient.

    Attributes:
        text: one line: the gateway's reply without its codes, or a sentence of ours. It never has the password.
        code: of the gateway's reply (RFC 5321); 0 if there is none. A text of ours has one after a refused login.
        status: enhanced status code (RFC 3463), of the class that the result has.
        may_have_arrived: the connection ended after the content and before the answer to it. The result is TEMPORARY,
            and the next attempt may repeat the message (RFC 1047).
    """

    result: RelayResult
    stage: RelayStage
    text: str
    status: str
    code: int = 0
    may_have_arrived: bool = False

    @property
    def diagnostic(self) -> str:
        """The reply as a report quotes it: ``550 5.1.1 No such user``; without a code if it gave no reply."""
        return f"{self.code or ''} {self.status} {self.text}".strip()
