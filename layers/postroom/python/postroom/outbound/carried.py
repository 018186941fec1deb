"""What an order to transmit sends, and what becomes of its recipients: the station knows no kinds of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from postroom.contracts.stored import Order
    from postroom.model.facts import Fact
    from postroom.model.transmissions import Answer


class Carried(Protocol):
    """One order to transmit. Times in milliseconds since the epoch."""

    @property
    def order(self) -> Order:
        """The order itself."""

    @property
    def name(self) -> str:
        """Unique in its flow; part of the keys of facts about attempts."""

    @property
    def gateway_id(self) -> str:
        """The SMTP gateway; empty: SES."""

    @property
    def envelope_from(self) -> str:
        """Empty for the null sender."""

    @property
    def purpose(self) -> str:
        """What SES's events about it say of it (``contracts.ses_events``); empty for mail."""

    @property
    def since(self) -> int:
        """When the time of retries began."""

    def left(self, recorded: Collection[str]) -> Sequence[str]:
        """Return the order's recipients that have no end, by the keys of the flow's facts: as they get the message."""

    def content(self) -> bytes:
        """Return the bytes that leave.

        Raises:
            StoreUnavailableError: another attempt may read them.
            PermanentError: they cannot be read, for a reason that an operator may remove.
        """

    def inside(self, content: bytes, now: int) -> Answer | None:
        """Deliver it, if it never leaves the organization, and return the answer; ``None``: it leaves.

        A repeated call delivers nothing twice.

        Raises:
            StoreUnavailableError, ConflictError: a retry may succeed.
        """

    def sent(self, recipient: str, answer: Answer, now: int) -> Fact:
        """Return the fact that ends a recipient with the message."""

    def refused(self, recipient: str, answer: Answer, now: int) -> Fact:
        """Return the fact that ends a recipient without the message."""

    def reports(self, answers: Mapping[str, Answer], now: int) -> Sequence[Order]:
        """Return the orders to tell of recipients that are refused now, by their answers; one or more."""

    def is_report(self, order: Order) -> bool:
        """Say whether an order of the same flow is one that ``reports`` or ``late`` returns."""

    def late(self, answers: Mapping[str, Answer], now: int, until: int) -> tuple[Sequence[Fact], Sequence[Order]]:
        """Return what tells that a message waits for hours; it is told once.

        Args:
            answers: the last ones, of the recipients that wait.
            until: when they are given up.
        """
