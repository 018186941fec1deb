"""The ledger: the facts of each flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from postroom.model.facts import RECEIVED

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.contracts.orders import DeliveryOrder
    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class OpenedFlow:
    """The fact that opened a flow, and those orders that it lists and that have no end."""

    received: Fact
    listed: Sequence[DeliveryOrder]


class Ledger(Protocol):
    """Reads of facts. Suite: tests/contract/test_ledger.py.

    Every method raises StoreUnavailableError if the table did not answer; a retry may succeed.
    """

    def facts(self, trace: str) -> Sequence[Fact]:
        """Return every fact of a flow, by time, then key. Rows that cannot be read are left out."""

    def fact(self, trace: str, key: str) -> Fact | None:
        """Return a fact by its key, if it exists.

        Raises:
            UnreadableFactError: the row exists, but cannot be read.
        """

    def opened(self, trace: str) -> OpenedFlow | None:
        """Return what opened a flow and what of it is listed and open, by one query; ``None`` if there is no flow.

        Raises:
            UnreadableFactError: the row of the fact exists, but cannot be read.
        """

    def of_message(self, part: str, *, latest: bool) -> Sequence[Fact]:
        """Return every fact of all flows of an SES message, and of the answers to them, by one query.

        The time does not depend on how many organizations there are. Flows of earlier versions are not found
        (``model.facts.lone_trace_of``).

        Args:
            part: of its traces (``model.facts.message_part``).
            latest: find what was written in the last seconds, too; it costs twice as much.

        Raises:
            UnreadableFactError: one of the rows cannot be read.
        """

    def attempts(self, trace: str) -> Sequence[Fact]:
        """Return the RULE_ATTEMPTED facts of a flow, by one query. Rows that cannot be read are left out."""

    def openings(self, traces: Collection[str], key: str = RECEIVED) -> Mapping[str, Fact]:
        """Return the facts that opened those flows that exist, by trace, in batched keyed reads.

        Args:
            key: of the facts: ``SUBMITTED`` for flows of submissions.
        """

    def facts_at(self, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Fact]:
        """Return those facts of many flows that exist, by trace and key, in batched keyed reads.

        Rows that cannot be read are left out.
        """

    def by_message_id(self, message_id: str) -> Iterator[Fact]:
        """Yield RECEIVED and SUBMITTED facts by the Message-ID header field.

        Reads the whole table: for the command line only.

        Args:
            message_id: in any of the spellings of ``model.message_ids``.
        """

    def between(self, since_ms: int, until_ms: int) -> Iterator[Fact]:
        """Yield every fact of a period, in no order. Reads the whole table.

        Args:
            since_ms: begin of the period, in milliseconds since the epoch.
            until_ms: end of the period, which is not part of it.
        """

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        """Yield every fact of an organization, in no order. Reads the whole table: to rebuild its event log."""
