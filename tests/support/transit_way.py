"""Transit, parked things, scans and the ledger over the same tables, in memory and in DynamoDB."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.adapters.aws.ledger import DynamoLedger
from postroom.adapters.aws.parked import DynamoParkedThings
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.aws.transit_scans import DynamoTransitScans
from postroom.adapters.memory.ledger import MemoryLedger
from postroom.adapters.memory.parked import MemoryParkedThings
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.adapters.memory.transit_scans import MemoryTransitScans
from tests.support.builders import NOON

if TYPE_CHECKING:
    from postroom.ports.ledger import Ledger
    from postroom.ports.parked import ParkedThings
    from postroom.ports.transit import Transit
    from postroom.ports.transit_scans import TransitScans
    from tests.support.stack import Stack

TWO = "e" * 32
"""The trace of another flow."""


@dataclass
class Clock:
    now: int = NOON

    def __call__(self) -> int:
        return self.now


@dataclass
class Way:
    transit: Transit
    things: ParkedThings
    scans: TransitScans
    ledger: Ledger
    clock: Clock


def in_memory(tables: MemoryTables | None = None) -> Way:
    clock, tables = Clock(), tables or MemoryTables()
    things = MemoryParkedThings(tables, clock)
    return Way(MemoryTransit(tables, clock), things, MemoryTransitScans(tables), MemoryLedger(tables), clock)


def in_dynamodb(stack: Stack) -> Way:
    clock = Clock()
    transit, ledger = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    return Way(
        DynamoTransit(stack.dynamodb, transit, ledger, clock),
        DynamoParkedThings(stack.dynamodb, transit, ledger, clock),
        DynamoTransitScans(stack.dynamodb, transit),
        DynamoLedger(stack.dynamodb, ledger),
        clock,
    )
