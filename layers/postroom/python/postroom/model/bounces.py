"""What the sender of a message is told about recipients who did not get it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from postroom.model.text import one_line

MAX_REASON: Final = 1000
"""Longest reason that is told, in characters. Ours."""

MAX_DIAGNOSTIC: Final = 400
"""Longest diagnostic, in characters; the text for people has more. Ours."""

UNDEFINED: Final = "5.0.0"
"""A permanent failure of which no more is known. Source: RFC 3463 3.1."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One envelope recipient, as the sender wrote it (lower-case). Every value is one line.

    ``status`` is an enhanced status code of a permanent failure (RFC 3463).
    """

    address: str
    reason: str
    status: str

    @classmethod
    def of(cls, address: str, reason: str, status: str) -> Failure:
        """Make a failure of values that strangers may have chosen."""
        known = re.fullmatch(r"5\.\d{1,3}\.\d{1,3}", status, re.ASCII)
        return cls(one_line(address), one_line(reason)[:MAX_REASON], status if known else UNDEFINED)

    @property
    def diagnostic(self) -> str:
        """What an SMTP server would have answered, in ASCII."""
        said = self.reason.encode("ascii", "replace").decode("ascii")[:MAX_DIAGNOSTIC]
        return f"550 {self.status} {said}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """One bounce message.

    Attributes:
        name: unique among all; letters, digits and hyphens.
        ses_message_id: of the message that bounces.
        domain: the organization's, that speaks: where the first failed recipient should have been.
        to: the envelope sender.
        arrived: when the message arrived, in milliseconds since the epoch.
        explanation: for people; lines end with a line feed.
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
        """Whom people may answer: every domain has a postmaster."""
        return f"postmaster@{self.domain}"

    @property
    def mail_from(self) -> str:
        """Where a raw bounce message's own failure goes: an address that nobody has and nobody is told about."""
        return f"mailer-daemon@{self.domain}"
