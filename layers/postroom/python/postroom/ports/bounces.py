"""Sending bounce messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from postroom.model.bounces import Bounce

MAX_ANSWERED: Final = 50
"""Most failed recipients of one ``BounceSender.answer``. Source: SES quotas, recipients per call."""

ANSWERABLE_HOURS: Final = 24
"""Time after its arrival within which a message can be answered. Source: SES API reference, SendBounce."""


class BounceSender(Protocol):
    """Sends bounce messages by SES. Suite: tests/contract/test_bounces.py.

    Both methods are effects outside our tables: a caller records the intent before the call and the end after it.

    Both methods raise StoreUnavailableError if SES did not answer or throttles; the message may have been sent.
    """

    def answer(self, bounce: Bounce) -> str | None:
        """Have SES write and send the bounce message, with the null return path that only SES can use.

        Returns:
            The id of the sent message. ``None`` if SES refuses (the message is too old, has too many recipients or was
            not received by SES, or more than one bounce per second was sent); nothing was sent then.
        """

    def send(self, bounce: Bounce, content: bytes) -> str:
        """Send ``content``, a whole message, to ``bounce.to``, with ``bounce.mail_from`` as its sender; return its id.

        Raises:
            UnwritableAddressError: SES will never send to this address.
            RefusedByServiceError: SES refuses for a reason that an administrator can remove: an identity is missing,
                the account is in the sandbox, or its sending is paused.
        """
