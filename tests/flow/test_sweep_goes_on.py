"""The sweep: a row that fails hides no other row, and every stored message is read at some time."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws import rows
from postroom.adapters.aws.ledger_rows import place
from postroom.errors import UnreadableFactError
from postroom.model.facts import RECEIVED, trace_of
from postroom.ports.transit import Commit
from tests.support.builders import ORG, order, received
from tests.support.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postroom.parking.sweep import Sweep
    from postroom.ports.transit_scans import OpenEntry
    from tests.support.stack import Stack

HOURS = 2 * 3_600_000


@pytest.fixture
def pipeline(stack: Stack) -> Pipeline:
    made = Pipeline(stack)
    made.organization()
    return made


def store(pipeline: Pipeline, *names: str) -> None:
    for name in names:
        pipeline.stack.s3.put_object(Bucket="inbound-bucket", Key=f"inbound/{name}", Body=b"Subject: s\n\n")


def later(pipeline: Pipeline, milliseconds: int) -> Sweep:
    sweep: Sweep = pipeline.apps["sweep"].sweep
    now = sweep.now() + milliseconds
    return replace(sweep, now=lambda: now)


def test_a_row_that_is_not_a_fact_hides_no_orphan(pipeline: Pipeline) -> None:
    store(pipeline, "a", "b", "c")
    key = rows.key(*place(trace_of("b", ORG), RECEIVED))
    pipeline.stack.dynamodb.put_item(TableName=pipeline.stack.environment["LEDGER_TABLE"], Item=key)
    with pytest.raises(UnreadableFactError):
        later(pipeline, HOURS).run()
    assert {parked.trace for parked in pipeline.operator.parking.list()} == {"arrival:a", "arrival:c"}


@pytest.mark.parametrize("body", ["{}", '{"kind": "OF_A_NEWER_VERSION", "version": 1}'])
def test_a_row_that_is_not_an_order_hides_neither_orders_nor_orphans(pipeline: Pipeline, body: str) -> None:
    store(pipeline, "a")
    transit, table = pipeline.operator.transit, pipeline.stack.environment["TRANSIT_TABLE"]
    transit.commit(Commit(facts=[received()], orders=[order("ann"), order("ben")]))
    row = {"pk": "0", "sk": "order:x", "state": "OPEN", "body": body}
    item = {**{name: {"S": text} for name, text in row.items()}, "since": {"N": "0"}, "sweeps": {"N": "0"}}
    pipeline.stack.dynamodb.put_item(TableName=table, Item=item)
    with pytest.raises(UnreadableFactError):
        later(pipeline, HOURS).run()
    assert [waiting.sweeps for waiting in readable(pipeline.operator.transit_scans.open_before(2**60))] == [1, 1]
    assert len(list(pipeline.operator.parking.list())) == 1


def readable(waiting: Iterator[OpenEntry]) -> list[OpenEntry]:
    found: list[OpenEntry] = []
    with contextlib.suppress(UnreadableFactError):
        for each in waiting:
            found.append(each)
    return found


def test_sweeps_that_run_out_of_time_read_every_object_in_the_end(pipeline: Pipeline) -> None:
    names = [f"{first}{second}" for first in "05afkpuz" for second in "0z"]
    store(pipeline, *names)
    for sweeps in range(80):  # the largest gap between their starts is below the smallest gap between names
        left = iter([600_000, *[300_000] * 2])  # time for two objects, then none
        later(pipeline, HOURS + sweeps * 900_000).run(lambda left=left: next(left, 0))  # type: ignore[misc]
    assert len(list(pipeline.operator.parking.list())) == len(names)
