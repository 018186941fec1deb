"""Bounces: messages that tell a sender which recipients did not get a message."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from postroom.model.text import one_line

MAX_REASON_CHARACTERS: Final = 1000
"""Longest reason in a bounce. Ours."""

MAX_SERVER_CHARACTERS: Final = 255
"""Longest name of a server. Source: RFC 1035, 2.3.4."""

MAX_DIAGNOSTIC_CHARACTERS: Final = 400
"""Longest diagnostic; the explanation for people has the whole reason. Ours."""

UNDEFINED_STATUS: Final = "5.0.0"
"""Status code of a permanent failure without a known cause. Source: RFC 3463 3.1."""

UNDEFINED_DELAY: Final = "4.0.0"
"""The same of a failure after which others are tried."""


def with_status(said: str, status: str) -> str:
    """Add a status to what a server said, unless that names it, as most replies do: ``421 busy (4.4.1)``."""
    return said if not status or status in said.split() else f"{said} ({status})".strip()


@dataclass(frozen=True, slots=True)
class Failure:
    """One envelope recipient that did not get the message. Every value is one line.

    Attributes:
        address: its name in the flow (``model.recipient_names``): outside as the sender wrote it, inside lower-case.
        status: enhanced status code (RFC 3463): of a permanent failure, or of one after which no attempt follows.
        server: host name of the mail server that refused; empty: none, or not known.
        is_reply: the reason is a reply of SMTP, as another server gave it.
    """

    address: str
    reason: str
    status: str
    server: str = ""
    is_reply: bool = False

    @classmethod
    def of(cls, address: str, reason: str, status: str) -> Failure:
        """Return a failure here; the values may come from outside and are made safe."""
        known = re.fullmatch(r"5\.\d{1,3}\.\d{1,3}", status, re.ASCII)
        return cls(one_line(address), one_line(reason)[:MAX_REASON_CHARACTERS], status if known else UNDEFINED_STATUS)

    @classmethod
    def elsewhere(cls, address: str, reason: str, status: str, server: str, *, undefined: str) -> Failure:
        """Return a failure outside. ``undefined`` is the status, if there is none."""
        known = re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", status, re.ASCII)
        return cls(
            one_line(address),
            one_line(reason)[:MAX_REASON_CHARACTERS],
            status if known else undefined,
            one_line(server)[:MAX_SERVER_CHARACTERS],
            is_reply=re.match(r"[45]\d\d[ -]", reason, re.ASCII) is not None,
        )

    @property
    def line(self) -> str:
        """The recipient and the response, as mail servers write it in a bounce message."""
        return f"<{self.address}>: {self._response(self.reason)}"

    @property
    def diagnostic(self) -> str:
        """The SMTP response for this failure, in ASCII."""
        reason = self.reason.encode("ascii", "replace").decode("ascii")[:MAX_DIAGNOSTIC_CHARACTERS]
        return self._response(reason)

    def _response(self, reason: str) -> str:
        if self.is_reply:
            return reason
        code = "450" if self.status.startswith("4") else "550"
        return f"{code} {self.status} {reason.removeprefix(f'{self.status} ')}".rstrip()


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
        is_delay: the message is still tried: nothing has failed for good.
        until: when the last attempt is made, in milliseconds since the epoch; 0: not known.
    """

    name: str
    ses_message_id: str
    domain: str
    to: str
    failures: tuple[Failure, ...]
    arrived: int
    explanation: str
    is_delay: bool = False
    until: int = 0

    @property
    def author(self) -> str:
        """Address that people may answer to: every domain has a postmaster."""
        return f"postmaster@{self.domain}"

    @property
    def mail_from(self) -> str:
        """Envelope sender of a raw bounce message: no mailbox has this address, so a failed bounce causes no other."""
        return f"mailer-daemon@{self.domain}"
