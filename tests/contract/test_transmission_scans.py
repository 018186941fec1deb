"""Orders to transmit are listed and made due, in memory and in DynamoDB alike."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws.open_transmissions import DynamoOpenTransmissions
from postroom.adapters.aws.transmission_scans import DynamoTransmissionScans
from postroom.adapters.memory.open_transmissions import MemoryOpenTransmissions
from postroom.adapters.memory.tables import MemoryTables
from postroom.adapters.memory.transmission_scans import MemoryTransmissionScans
from postroom.errors import StoreUnavailableError, UnreadableFactError
from postroom.model.facts import OwnFact
from postroom.ports.open_transmissions import Attempt, NotDue
from postroom.ports.transit import Commit, Outcome, Postpone, SettleIfThere
from postroom.ports.transmission_scans import OpenTransmission
from tests.support import transit_way
from tests.support.builders import (
    NOON,
    ORG,
    OTHER,
    TRACE,
    bounce,
    expansion,
    journal,
    order,
    own,
    parked,
    received,
    transmission,
)
from tests.support.transit_way import TWO, Way

if TYPE_CHECKING:
    from postroom.ports.open_transmissions import OpenTransmissions
    from postroom.ports.transmission_scans import TransmissionScans
    from tests.support.stack import Stack

MINUTE = 60_000
HOUR = 60 * MINUTE
DUE = NOON + HOUR


@dataclass
class Post:
    way: Way
    open: OpenTransmissions
    scans: TransmissionScans

    def begin(self, run: str) -> Attempt | NotDue | None:
        return self.open.begin(transmission(), run=run, again_after_ms=MINUTE)

    def wait(self) -> OpenTransmission:
        """Let one attempt fail; return the order, which waits for an hour."""
        self.way.transit.commit(Commit(orders=[transmission()]))
        assert self.begin("a") == Attempt(1)
        assert self.way.transit.commit(Commit([Postpone(transmission(), DUE)])) is Outcome.DONE
        (found,) = self.scans.every()
        assert found == OpenTransmission(transmission(), 1, DUE)
        return found


@pytest.fixture(params=["memory", "dynamodb"])
def post(request: pytest.FixtureRequest) -> Post:
    if request.param == "memory":
        tables = MemoryTables()
        way = transit_way.in_memory(tables)
        return Post(way, MemoryOpenTransmissions(tables, way.clock), MemoryTransmissionScans(tables))
    stack: Stack = request.getfixturevalue("stack")
    return in_dynamodb(stack)


def in_dynamodb(stack: Stack) -> Post:
    way = transit_way.in_dynamodb(stack)
    transit, ledger = stack.environment["TRANSIT_TABLE"], stack.environment["LEDGER_TABLE"]
    open_ = DynamoOpenTransmissions(stack.dynamodb, transit, ledger, way.clock)
    return Post(way, open_, DynamoTransmissionScans(stack.dynamodb, transit))


def test_mail_and_journal_reports_are_listed_and_nothing_else(post: Post) -> None:
    notice = journal("no such user", part=":2")
    orders = [transmission(), transmission(name="g:1"), journal(), notice]
    post.way.transit.commit(Commit(facts=[received()], orders=[*orders, order("ann"), bounce()], expansion=expansion()))
    post.way.things.park(parked(transmission(name="g:1").key), own(OwnFact.PARKED, "p"))
    post.way.things.park(parked("arrival", trace="d" * 32), own(OwnFact.PARKED, "q"))
    found = {each.order.key: each for each in post.scans.every()}
    assert set(found) == {"transmit:ses:1", "journal", "journal-notice:2"}
    assert found["transmit:ses:1"] == OpenTransmission(transmission(), 0, NOON)
    assert found["journal-notice:2"].order == notice


def test_one_organization_has_its_own(post: Post) -> None:
    theirs = transmission(trace=TWO, organization_id=OTHER, author=f'"organization_id":"{ORG}"')
    post.way.transit.commit(Commit(orders=[transmission()]))
    post.way.transit.commit(Commit(orders=[theirs]))
    assert [each.order for each in post.scans.every(OTHER)] == [theirs]
    assert [each.order for each in post.scans.every(ORG)] == [transmission()]
    assert len(list(post.scans.every())) == 2


def test_a_flow_has_its_own(post: Post) -> None:
    orders = [transmission(name="ses:2"), journal(), transmission()]
    post.way.transit.commit(Commit(facts=[received()], orders=[*orders, bounce()]))
    post.way.transit.commit(Commit(orders=[transmission(trace=TWO)]))
    found = [each.order.key for each in post.scans.of_flow(TRACE)]
    assert found == ["journal", "transmit:ses:1", "transmit:ses:2"]
    assert [each.order.trace for each in post.scans.of_flow(TWO)] == [TWO]
    assert list(post.scans.of_flow("d" * 32)) == []


def test_an_order_that_is_made_due_is_attempted_at_once(post: Post) -> None:
    found = post.wait()
    assert post.begin("b") == NotDue(DUE)
    assert post.scans.make_due(found, NOON)
    assert post.begin("b") == Attempt(2)


def test_the_sweep_finds_it_from_then_on(post: Post) -> None:
    found = post.wait()
    assert list(post.way.scans.open_before(NOON + 1)) == []
    post.scans.make_due(found, NOON)
    assert [(each.since_ms, each.sweeps) for each in post.way.scans.open_before(NOON + 1)] == [(NOON, 0)]


def test_a_call_that_is_repeated_is_harmless(post: Post) -> None:
    found = post.wait()
    assert post.scans.make_due(found, NOON)
    assert post.scans.make_due(found, NOON)
    assert not post.scans.make_due(found, NOON + 1)
    assert [each.due_ms for each in post.scans.every()] == [NOON]


def test_an_attempt_that_was_begun_since_the_read_keeps_its_claim(post: Post) -> None:
    found = post.wait()
    post.way.clock.now = DUE
    assert post.begin("b") == Attempt(2)
    assert not post.scans.make_due(found, DUE)
    assert post.begin("c") == NotDue(DUE + MINUTE)


def test_what_was_put_off_since_the_read_waits_for_that_time(post: Post) -> None:
    found = post.wait()
    post.way.transit.commit(Commit([Postpone(transmission(), DUE + 5)]))
    assert not post.scans.make_due(found, NOON)
    assert post.begin("b") == NotDue(DUE + 5)


def test_what_was_never_tried_stays_as_it_is(post: Post) -> None:
    post.way.transit.commit(Commit(orders=[transmission()]))
    (found,) = post.scans.every()
    assert not post.scans.make_due(found, NOON + 5)
    assert not post.scans.make_due(replace(found, attempts=1), NOON + 5)
    assert list(post.scans.every()) == [found]


def test_what_was_parked_or_has_ended_does_not_come_back(post: Post) -> None:
    found = post.wait()
    thing = parked(transmission().key)
    post.way.things.park(thing, own(OwnFact.PARKED, "p"))
    assert not post.scans.make_due(found, NOON)
    assert post.begin("b") is None
    post.way.things.discard(thing, [])
    assert not post.scans.make_due(found, NOON)
    assert list(post.scans.every()) == []


def test_what_settled_has_no_row(post: Post) -> None:
    found = post.wait()
    post.way.transit.commit(Commit([SettleIfThere(transmission())]))
    assert not post.scans.make_due(found, NOON)
    assert post.way.transit.is_clear(TRACE)


def test_rows_that_cannot_be_read_are_named_after_the_others(stack: Stack) -> None:
    post = in_dynamodb(stack)
    post.way.transit.commit(Commit(orders=[transmission(), transmission(name="g:1")]))
    stack.dynamodb.update_item(
        TableName=stack.environment["TRANSIT_TABLE"],
        Key={"pk": {"S": TRACE}, "sk": {"S": "transmit:g:1"}},
        UpdateExpression="SET form = :newer",
        ExpressionAttributeValues={":newer": {"N": "9"}},
    )
    for rows in (post.scans.every(), post.scans.of_flow(TRACE)):
        assert next(rows).order == transmission()
        with pytest.raises(UnreadableFactError, match="1 orders to transmit"):
            next(rows)


def test_the_scan_leaves_other_rows_in_the_table(stack: Stack) -> None:
    """One scan, without a read of anything else; one update per order that is made due."""
    post, calls = in_dynamodb(stack), list[str]()
    found = post.wait()

    def noted(model: Any, **_: object) -> None:
        calls.append(model.name)

    stack.dynamodb.meta.events.register("before-call.dynamodb", noted)
    list(post.scans.every(ORG))
    list(post.scans.of_flow(TRACE))
    post.scans.make_due(found, NOON)
    assert calls == ["Scan", "Query", "UpdateItem"]


def test_a_table_that_does_not_answer_is_a_temporary_error(stack: Stack) -> None:
    post = in_dynamodb(stack)
    found = post.wait()
    gone = DynamoTransmissionScans(stack.dynamodb, "gone")
    with pytest.raises(StoreUnavailableError):
        list(gone.every())
    with pytest.raises(StoreUnavailableError):
        gone.make_due(found, NOON)
