"""Parking of what concerns a whole flow: a notification, or a call of a rule's function that is decided.

What of the flow is decided is not parked, but sent to its stations.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.ses import message_id_of, read_notification
from postroom.errors import InvalidNotificationError
from postroom.model.addresses import Address
from postroom.model.facts import EventName
from postroom.parking.parking import ARRIVAL, INGEST, NO_ORGANIZATION, Parking
from postroom.ports.parked import ARRIVAL_PREFIX
from postroom.ports.transit import EXPANSION
from postroom.routing.message_flows import flows_of

if TYPE_CHECKING:
    from postroom.contracts.orders import CallPointer
    from postroom.ports.organizations import Organizations
    from postroom.ports.queues import Queues


@dataclass(frozen=True)
class FlowParking(Parking):
    """Parks in flows, too. ``queues`` has those of all orders."""

    queues: Queues
    organizations: Organizations

    def park_call(self, pointer: CallPointer, cause: str) -> None:
        """Park a rule's call; of one that is decided, the expansion that was not finished, if there is one."""
        found = self.transit.open_call(pointer.trace, pointer.key)
        if found is not None:
            self.park_order(found.call, cause)
            return
        self._park_expansion(pointer.trace, f"{EXPANSION}:{pointer.key}", "run_sync_rule", cause)
        self.queues.send(self.transit.open_orders(pointer.trace))

    def park_arrival(self, body: str, cause: str) -> None:
        """Park what of a notification is not on its way; see ``ports.parking``.

        In each organization that has a flow of the message, an expansion that is not finished is parked in that flow,
        and the flow's open orders are sent: they are decided. Where that covers all recipients of the notification,
        nothing else is parked. Otherwise the notification is parked as it came, for those that are in no flow; its
        redrive takes up the flows, too. SES may announce one message more than once, each time with other recipients:
        each is parked for itself.
        """
        if self._park_in_flows(body, cause):
            return
        trace = f"{ARRIVAL}{_arrival_name(body)}"
        self.park(trace, f"{ARRIVAL_PREFIX}{_announced(body)}", NO_ORGANIZATION, INGEST, body, cause)

    def _park_in_flows(self, body: str, cause: str) -> bool:
        """Park and send what a notification's flows hold; say whether each of its recipients is in one of them."""
        try:
            notification = read_notification(body)
        except InvalidNotificationError:
            return False
        missing = set(map(_recipient, notification.receipt.recipients))
        flows = flows_of(self.ledger, notification.mail.message_id, self.organizations.ids(), latest=True)
        for trace, facts in flows.items():
            added = [fact for fact in facts if fact.name is EventName.ORGANIZATION_EMAIL_RECEIVED]
            if any("causedBy" in fact.data for fact in added):  # an answer to the message
                continue
            for fact in added:
                missing -= set(fact.event["recipients"])
            self._park_expansion(trace, EXPANSION, INGEST, cause)
            self.queues.send(self.transit.open_orders(trace))
        return not missing

    def _park_expansion(self, trace: str, key: str, station: str, cause: str) -> None:
        """Park an expansion where one is open."""
        expansion = self.transit.expansion(trace, key)
        if expansion is not None:
            self.park(trace, key, expansion.organization_id, station, expansion.model_dump_json(), cause)


def _recipient(recipient: str) -> str:
    """Return an envelope recipient as a flow's RECEIVED fact has it."""
    address = Address.parse(recipient)
    return str(address) if address is not None else recipient


def _arrival_name(body: str) -> str:
    """Name an arrival so that the same one is always parked under the same name: SES's message id, if it has one."""
    try:
        return message_id_of(body)
    except InvalidNotificationError:
        return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _announced(body: str) -> str:
    """Name an announcement among those of one message: by its recipients, else by all of its words."""
    try:
        words = "\0".join(sorted(set(read_notification(body).receipt.recipients)))
    except InvalidNotificationError:
        words = body
    return hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()[:16]
