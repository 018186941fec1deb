"""Facts by trace: what happened to each message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from postroom.model.facts import Fact


class Ledger(Protocol):
    """Facts by trace, as they were written. Suite: tests/contract/test_ledger.py."""

    def facts(self, trace: str) -> Sequence[Fact]:
        """Return every fact of one message in one organization, by time, then key; rows that are no facts are left out.

        Raises:
            StoreUnavailableError: the store could not be reached; a retry may succeed.
        """

    def fact(self, trace: str, key: str) -> Fact | None:
        """Return one fact.

        Raises:
            StoreUnavailableError: as above.
            UnreadableFactError: there is such a row, but it is no fact.
        """

    def openings(self, traces: Collection[str]) -> Mapping[str, Fact]:
        """Return the facts that opened flows, by trace, in batched keyed reads; where there is no flow there is none.

        Raises:
            StoreUnavailableError: as above.
        """

    def received(self, *, message_id: str) -> Iterator[Fact]:
        """Return RECEIVED facts by the message's own Message-ID header. Reads the whole table: for people.

        Args:
            message_id: in any of the spellings of ``model.message_ids``.

        Raises:
            StoreUnavailableError: as above.
        """

    def between(self, since: int, until: int) -> Iterator[Fact]:
        """Return every fact made from ``since`` to before ``until`` (milliseconds), in no order. Reads the whole table.

        Raises:
            StoreUnavailableError: as above.
        """

    def all_facts(self, organization_id: str) -> Iterator[Fact]:
        """Return every fact of an organization, in no order. Reads the whole table: for a log that is rebuilt.

        Raises:
            StoreUnavailableError: as above.
        """
