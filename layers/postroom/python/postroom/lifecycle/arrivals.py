"""Parked notifications for a deleted organization: ingest parked them as they came, because it could open no flow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.ses import read_notification
from postroom.errors import InvalidNotificationError
from postroom.lifecycle.stored_mail import INBOUND, TRANSIT
from postroom.model.addresses import Address
from postroom.model.facts import ORGANIZATION_DELETED, OwnFact, traces_of
from postroom.ports.parked import ARRIVAL_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from postroom.ports.directory import Directory
    from postroom.ports.ledger import Ledger
    from postroom.ports.parked import Parked, ParkedThings
    from postroom.ports.raw_mail import RawArchive
    from postroom.ports.transit import Transit


@dataclass(frozen=True, slots=True)
class ParkedArrivals:
    """``now`` returns milliseconds since the epoch."""

    directory: Directory
    transit: Transit
    things: ParkedThings
    ledger: Ledger
    archive: RawArchive
    now: Callable[[], int]

    def end(
        self, organization_id: str, domains: Collection[str], gone: Collection[str], others: Collection[str]
    ) -> int:
        """Discard notifications whose recipients are all in organizations that are being deleted.

        The stored message is removed with the last of them. A domain that another organization has registered since
        belongs to that organization.

        Args:
            domains: domains of the organization, including those that are already released.
            gone: domains of all organizations that are being deleted.
            others: ids of the organizations that stay.

        Returns:
            How many notifications were discarded.
        """
        ended = 0
        for trace, notifications in self._by_trace().items():
            ours = [each for each in notifications if self._is_of(each, domains, {*domains, *gone}, others)]
            if ours and len(ours) == len(notifications):  # object before row: a run that stops between finds the row
                self._remove(trace.removeprefix(ARRIVAL_PREFIX), ours, [organization_id, *others])
            if ours:
                for flow in traces_of(trace.removeprefix(ARRIVAL_PREFIX), organization_id):
                    self._remove_plans(flow)
            ended += sum(self._discard(each) for each in ours)
        return ended

    def is_awaited(self, ses_message_id: str, others: Collection[str]) -> bool:
        """Say whether a parked notification of a message names a domain of one of the other organizations.

        A redrive of such a notification needs the stored message.
        """
        trace = ARRIVAL_PREFIX + ses_message_id
        if self.transit.is_clear(trace):
            return False
        names = {name for parked in self._by_trace().get(trace, ()) for name in _domains_and_key(parked)[0]}
        records = [self.directory.domain_record(name) for name in names]
        return any(record is not None and record.organization.id in others for record in records)

    def _by_trace(self) -> dict[str, list[Parked]]:
        """Return parked notifications by message; SES may send several notifications of one message."""
        found: dict[str, list[Parked]] = {}
        for parked in self.things.list():
            if parked.key.startswith(ARRIVAL_PREFIX):
                found.setdefault(parked.trace, []).append(parked)
        return found

    def _is_of(self, parked: Parked, domains: Collection[str], gone: Collection[str], others: Collection[str]) -> bool:
        names, _ = _domains_and_key(parked)
        return (
            not names.isdisjoint(domains) and names <= set(gone) and all(self._is_free(each, others) for each in names)
        )

    def _is_free(self, domain: str, others: Collection[str]) -> bool:
        record = self.directory.domain_record(domain)
        return record is None or record.organization.id not in others

    def _discard(self, parked: Parked) -> bool:
        fact = parked.fact(OwnFact.DISCARDED, self.now(), cause=ORGANIZATION_DELETED)
        return self.things.discard(parked, [fact])

    def _remove(self, ses_message_id: str, notifications: Sequence[Parked], organizations: Sequence[str]) -> None:
        """Remove the stored message, unless it has a flow; the end of the flow removes it then."""
        if self.ledger.openings([trace for each in organizations for trace in traces_of(ses_message_id, each)]):
            return
        for key in {key for _, key in map(_domains_and_key, notifications) if key.startswith(INBOUND)}:
            self.archive.remove(key)

    def _remove_plans(self, trace: str) -> None:
        """Remove the plan of a flow that ingest did not open; the plan of an open flow is removed with the flow."""
        if not self.ledger.openings([trace]):
            for plan in self.archive.stored(f"{TRANSIT}{trace}/"):
                self.archive.remove(plan.key)


def _domains_and_key(parked: Parked) -> tuple[set[str], str]:
    """Return the domains of a notification's recipients and the key of its message; nothing if it cannot be read.

    A recipient that is no address counts as the domain "".
    """
    try:
        notification = read_notification(parked.body)
    except InvalidNotificationError:
        return set(), ""
    addresses = [Address.parse(each) for each in notification.receipt.recipients]
    names = {address.domain if address is not None else "" for address in addresses}
    return names, notification.receipt.action.object_key
