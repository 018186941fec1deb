"""Bounces: messages that tell a sender which recipients did not get a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from postroom.model.text import one_line

MAX_REASON_CHARACTERS: Final = 1000
"""Longest reason in a bounce. Ours."""

MAX_DIAGNOSTIC_CHARACTERS: Final = 400
"""Longest diagnostic; the explanation for people has the whole reason. Ours."""

UNDEFINED_STATUS: Final = "5.0.0"
"""Status code of a permanent failure without a known cause. Source: RFC 3463 3.1."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One envelope recipient that did not get the message. Every value is one line.

    Attributes:
        address: as the sender wrote it, lower-case.
        status: enhanced status code of a permanent failure (RFC 3463).
    """

    address: str
    reason: str
    status: str

    @classmethod
    def of(cls, address: str, reason: str, status: str) -> Failure:
        """Return a failure; the values may come from outside and are made safe."""
        known = re.fullmatch(r"5\.\d{1,3}\.\d{1,3}", status, re.ASCII)
        return cls(one_line(address), one_line(reason)[:MAX_REASON_CHARACTERS], status if known else UNDEFINED_STATUS)

    @property
    def diagnostic(self) -> str:
        """The SMTP response for this failure, in ASCII."""
        reason = self.reason.encode("ascii", "replace").decode("ascii")[:MAX_DIAGNOSTIC_CHARACTERS]
        return f"550 {self.status} {reason}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """One bounce message.

    Attributes:
        name: unique among all bounces; letters, digits and hyphens.
        ses_message_id: SES's id of the message that bounces.
        domain: domain of the organization that sends the bounce: the first failed recipient's.
        to: the envelope sender of the message.
        arrived: when the message arrived, in milliseconds since the epoch.
        explanation: text for people; lines end with a line feed.
    """

    name: str
    ses_message_id: str
    domain: str
    to: str
    failures: tuple[Failure, ...]
    arrived: int
    explanation: str

    @property
    def author(self) -> str:
        """Address that people may answer to: every domain has a postmaster."""
        return f"postmaster@{self.domain}"

    @property
    def mail_from(self) -> str:
        """Envelope sender of a raw bounce message: no mailbox has this address, so a failed bounce causes no other."""
        return f"mailer-daemon@{self.domain}"
