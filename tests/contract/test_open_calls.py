"""A rule's call is read with its organization, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.adapters.aws.open_calls import DynamoOpenCalls
from postroom.adapters.aws.transit import DynamoTransit
from postroom.adapters.memory.directory import MemoryDirectory
from postroom.adapters.memory.open_calls import MemoryOpenCalls
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transit import MemoryTransit
from postroom.errors import StoreUnavailableError
from postroom.model.records import Insert, OrganizationState
from postroom.ports.open_calls import CallOfOrganization
from postroom.ports.transit import Commit, EndCall, OpenCall
from tests.support.builders import NOON, ORG, call, received
from tests.support.directory_records import organization

if TYPE_CHECKING:
    from postroom.ports.directory import Directory
    from postroom.ports.open_calls import OpenCalls
    from postroom.ports.transit import Transit
    from tests.support.stack import Stack


@dataclass
class Way:
    open_calls: OpenCalls
    transit: Transit
    directory: Directory


@pytest.fixture(params=["memory", "dynamodb"])
def way(request: pytest.FixtureRequest) -> Way:
    if request.param == "memory":
        transit, directory = MemoryTransit(MemoryTables(), lambda: NOON), MemoryDirectory()
        return Way(MemoryOpenCalls(transit, directory), transit, directory)
    stack: Stack = request.getfixturevalue("stack")
    tables = stack.environment
    return Way(
        DynamoOpenCalls(stack.dynamodb, tables["TRANSIT_TABLE"], tables["DIRECTORY_TABLE"]),
        DynamoTransit(stack.dynamodb, tables["TRANSIT_TABLE"], tables["LEDGER_TABLE"], lambda: NOON),
        DynamoDirectory(DirectoryTable(stack.dynamodb, tables["DIRECTORY_TABLE"])),
    )


@pytest.mark.parametrize("state", OrganizationState)
def test_an_open_call_says_whether_its_organization_is_active(way: Way, state: OrganizationState) -> None:
    way.transit.commit(Commit(facts=[received()], orders=[call()]))
    found = OpenCall(call(), 0, NOON)
    assert way.open_calls.read(call().pointer) == CallOfOrganization(found, organization_is_active=False)
    way.directory.commit([Insert(organization(ORG, state=state))])
    assert way.open_calls.read(call().pointer) == CallOfOrganization(
        found, organization_is_active=state is OrganizationState.ACTIVE
    )


def test_a_call_that_is_decided_is_none(way: Way) -> None:
    way.directory.commit([Insert(organization(ORG))])
    assert way.open_calls.read(call().pointer) is None
    way.transit.commit(Commit(facts=[received()], orders=[call()]))
    found = way.open_calls.read(call().pointer)
    assert found is not None
    way.transit.commit(Commit([EndCall(found.open_call)]))
    assert way.open_calls.read(call().pointer) is None


class Throttled:
    """DynamoDB that answers about one table at a time, ``times`` times about none."""

    def __init__(self, client: Any, times: int) -> None:
        self.client, self.times, self.pauses = client, times, list[float]()

    def batch_get_item(self, RequestItems: dict[str, Any]) -> Any:  # noqa: N803  boto3's name
        if self.times:
            self.times -= 1
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        (table, keys), *rest = RequestItems.items()
        return self.client.batch_get_item(RequestItems={table: keys}) | {"UnprocessedKeys": dict(rest)}


def test_what_is_not_processed_is_asked_for_again(stack: Stack) -> None:
    tables = stack.environment
    transit = DynamoTransit(stack.dynamodb, tables["TRANSIT_TABLE"], tables["LEDGER_TABLE"], lambda: NOON)
    transit.commit(Commit(facts=[received()], orders=[call()]))
    DynamoDirectory(DirectoryTable(stack.dynamodb, tables["DIRECTORY_TABLE"])).commit([Insert(organization(ORG))])
    for times in (0, 3):
        client = Throttled(stack.dynamodb, times)
        calls = DynamoOpenCalls(client, tables["TRANSIT_TABLE"], tables["DIRECTORY_TABLE"], client.pauses.append)  # type: ignore[arg-type]  # as much of it as is used
        assert calls.read(call().pointer) == CallOfOrganization(OpenCall(call(), 0, NOON), organization_is_active=True)
        assert len(client.pauses) == times + 1
    client = Throttled(stack.dynamodb, 100)
    calls = DynamoOpenCalls(client, tables["TRANSIT_TABLE"], tables["DIRECTORY_TABLE"], client.pauses.append)  # type: ignore[arg-type]  # as above
    with pytest.raises(StoreUnavailableError):
        calls.read(call().pointer)
