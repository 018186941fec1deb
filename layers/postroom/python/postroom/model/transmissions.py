"""What leaves by SES or an SMTP gateway, and what the other side says of each recipient."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from postroom.model.relay_answers import RelayResult
from postroom.model.text import one_line

if TYPE_CHECKING:
    from postroom.model.relay_answers import RelayAnswer

MAX_DIAGNOSTIC_CHARACTERS: Final = 300
"""Most characters of another server's answer that are kept. Ours."""

_OF_RECIPIENT: Final = re.compile(r"[45]\.(?:1\.(?![78]$)|2\.)")
"""Statuses about an address or a mailbox; 1.7 and 1.8 are about the sender's. Source: RFC 3463, 3.2 and 3.3."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message on its way out, as SES gets it.

    Attributes:
        trace, organization_id: of its flow; SES returns them with bounces and complaints.
        envelope_from: the address that is told of failures; empty for none.
        recipients: at most ``MAX_TRANSMITTED`` addresses, with local parts as they were written, domains in A-labels.
        content: the bytes that leave, without Bcc.
        purpose: SES returns it, too, unless it is empty (``contracts.ses_events``).
    """

    trace: str
    organization_id: str
    envelope_from: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)
    purpose: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side says of one recipient.

    Attributes:
        status: enhanced status code, as ``5.1.1`` (RFC 3463); empty for an accepted recipient.
        diagnostic: the answer as one line, as ``550 5.1.1 no such user``, or why there is none. It never quotes the
            message, a password or a login.
        server: host name of the gateway; empty for SES.
        message_id: SES's id of what it accepted; empty for gateways.
        may_have_arrived: of a temporary failure: the answer to the end of the message is missing. It is sent again, and
            the recipient may get it twice.
        is_shared: it is about several recipients together, and may be because of one: each can be tried alone.
    """

    result: RelayResult
    status: str = ""
    diagnostic: str = ""
    server: str = ""
    message_id: str = ""
    may_have_arrived: bool = False
    is_shared: bool = False

    @property
    def is_of_recipient(self) -> bool:
        """Whether a failure is about this recipient's address or mailbox, so that others may be accepted."""
        return _OF_RECIPIENT.match(self.status) is not None

    @classmethod
    def accepted(cls, message_id: str) -> Answer:
        """Return SES's answer for what it has taken."""
        return cls(RelayResult.ACCEPTED, message_id=message_id)

    @classmethod
    def temporary(cls, status: str, diagnostic: str, *, may_have_arrived: bool = False) -> Answer:
        """Return a failure after which another attempt may succeed."""
        return cls(RelayResult.TEMPORARY, status, said(diagnostic), may_have_arrived=may_have_arrived)

    @classmethod
    def permanent(cls, status: str, diagnostic: str, *, is_shared: bool = False) -> Answer:
        """Return a failure after which no attempt is made."""
        return cls(RelayResult.PERMANENT, status, said(diagnostic), is_shared=is_shared)

    @classmethod
    def of_gateway(cls, answer: RelayAnswer, host: str) -> Answer:
        """Return a gateway's answer."""
        if answer.result is RelayResult.ACCEPTED:
            return cls(RelayResult.ACCEPTED, diagnostic=said(answer.diagnostic), server=host)
        return cls(
            answer.result,
            answer.status,
            said(answer.diagnostic),
            server=host,
            may_have_arrived=answer.may_have_arrived,
        )


def said(text: str) -> str:
    """Return another server's text as one line of at most ``MAX_DIAGNOSTIC_CHARACTERS``."""
    return one_line(text)[:MAX_DIAGNOSTIC_CHARACTERS]
