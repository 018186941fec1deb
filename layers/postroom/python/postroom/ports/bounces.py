"""Telling the sender of a received message that it did not arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from postroom.model.bounces import Bounce

MAX_ANSWERED: Final = 50
"""Most recipients that ``BounceSender.answer`` takes. Source: SES quotas, recipients a call."""

ANSWERABLE_HOURS: Final = 24
"""How long after its arrival a message can be answered. Source: SES API reference, SendBounce."""


class BounceSender(Protocol):
    """Suite: tests/contract/test_bounces.py.

    Both methods are effects outside our tables: who calls one records the intent before, the end after.

    Raises, both:
        StoreUnavailableError: SES did not answer, or is throttled; it may or may not have been sent.
    """

    def answer(self, bounce: Bounce) -> str | None:
        """Let SES write the bounce message, with the null return path that only SES itself can use.

        Returns:
            Its message id; ``None``: SES does not do it (too old, too many, more than one a second, not received
            through SES), and nothing was sent.
        """

    def send(self, bounce: Bounce, content: bytes) -> str:
        """Send a bounce message of our own making to ``bounce.to``, from ``bounce.mail_from``; return its id.

        Raises:
            UnwritableAddressError: SES cannot write to this address, today or ever.
            RefusedByServiceError: SES refuses for a reason that somebody can mend: an identity, the sandbox, a pause.
        """
