"""SMTP gateways of organizations: outbound rules send mail through them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.records import SmtpGateway
    from postroom.model.relay_answers import RelayAnswer

MAX_SECONDS: Final = 240
"""Longest time of one relay, everything included. The function that calls has longer. Ours."""


class SmtpRelays(Protocol):
    """Hands messages to gateways. Suite: tests/contract/test_smtp_relays.py.

    No method raises: every failure is the answer of the recipients that it concerns.
    """

    def relay(
        self, gateway: SmtpGateway, envelope_from: str, recipients: Sequence[str], content: bytes
    ) -> Mapping[str, RelayAnswer]:
        """Hand one message over, in one transaction of SMTP; return an answer for each distinct recipient.

        A connection may be kept for the next message to the same gateway, as long as its record stays the same.

        Args:
            envelope_from: an address, or empty for the null sender.
            recipients: 1 to 50 addresses; the keys of the answers are these texts.
            content: the message as it leaves, without Bcc. Line ends that are not CRLF are sent as CRLF; else it is
                sent as it is.
        """
