"""Parts of stations that read notifications, or dead letters of them."""

from __future__ import annotations

from postroom.adapters.aws import clients
from postroom.adapters.aws.organizations import DynamoOrganizations
from postroom.bootstrap import parts
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import OrderQueueSettings, StationSettings
from postroom.parking.flows import FlowParking


class FlowParkingSettings(StationSettings, OrderQueueSettings):
    """Of stations that park in flows: they send the orders that a flow has open."""


def flow_parking(settings: FlowParkingSettings) -> FlowParking:
    """Return what parks notifications and decided calls."""
    return FlowParking(
        things=parts.parked_things(settings),
        ledger=parts.ledger(settings),
        now=now_ms,
        transit=parts.transit(settings),
        queues=parts.queues(settings),
        organizations=DynamoOrganizations(clients.dynamodb(), settings.directory_table),
    )
