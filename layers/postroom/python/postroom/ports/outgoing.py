"""Sending by SES."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.transmissions import Answer, Outgoing


class SesSender(Protocol):
    """Sends messages by SES. Suite: tests/contract/test_outgoing.py.

    A send is an effect outside our tables: a caller claims it before the call and records its answers after it.
    """

    def send(self, outgoing: Outgoing) -> Mapping[str, Answer]:
        """Send one message to its recipients, once: nothing is repeated, because each attempt may send.

        Returns:
            The answer for each of the recipients. SES takes a message for all of them or for none, so that a refusal
            of several recipients is shared. Addresses that SES takes in no message are refused before, each by itself.
        """
