"""Orders and pointers as earlier versions wrote them: what is in queues and tables during an upgrade."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from postroom.contracts.expansions import Expansion
from postroom.contracts.export_orders import PackExportOrder, PlanExportOrder, SealExportOrder, end_order
from postroom.contracts.import_orders import ImportOrder, end_of_import
from postroom.contracts.messages import read_message
from postroom.contracts.orders import (
    STATIONS,
    BounceOrder,
    CalendarOrder,
    CallPointer,
    DeliveryOrder,
    OrderKind,
    RuleCall,
    order_of,
)
from postroom.contracts.pointers import FactPointer, Part
from postroom.errors import InvalidNotificationError, NewerFormError
from postroom.model.exports import export_trace
from postroom.model.imports import import_trace
from postroom.model.rules import ActionType, Direction
from postroom.ports.transit import EXPANSION
from tests.support.builders import NOON, ORG, TRACE, bounce, calendar_order, call, order, parked, provider_call

SAMPLES: Final[dict[str, dict[str, Any]]] = {
    name: sample
    for file in ("orders_2026_11_29.json", "orders_2026_11_30.json")
    for name, sample in json.loads((Path(__file__).parent / file).read_text()).items()
}


EXPORTS: Final = ("plan_export", "pack_export", "seal_export", "end_export")


def body(name: str) -> str:
    return json.dumps(SAMPLES[name], separators=(",", ":"))


def test_a_delivery_order_is_read() -> None:
    found = DeliveryOrder.read(body("delivery"))
    assert found == order_of(SAMPLES["delivery"]) == read_message(body("delivery")) == order("ann")
    assert (found.key, found.station, found.group) == ("order:ann", "deliver", "ann")


def test_a_quota_notice_is_read() -> None:
    found = order_of(SAMPLES["notice"])
    assert found == order("ann", kind=OrderKind.QUOTA_NOTICE)
    assert found.key == "order:ann:QUOTA_NOTICE"


def test_a_bounce_order_is_read() -> None:
    assert BounceOrder.read(body("bounce")) == order_of(SAMPLES["bounce"]) == read_message(body("bounce")) == bounce()


def test_a_rule_call_and_the_pointer_to_it_are_read() -> None:
    found = order_of(SAMPLES["call"])
    assert isinstance(found, RuleCall)
    assert found == call()
    assert (found.direction, found.fallback, found.since) == (Direction.INBOUND, ActionType.DEFAULT, NOON)
    assert CallPointer.read(body("pointer")) == read_message(body("pointer")) == found.pointer


def test_a_calendar_order_is_read() -> None:
    found = CalendarOrder.read(body("calendar"))
    assert found == order_of(SAMPLES["calendar"]) == read_message(body("calendar")) == calendar_order()
    assert (found.key, found.station, found.group) == ("calendar:ann", "update_calendar", "ann")


def test_an_expansion_and_a_pointer_to_a_fact_are_read() -> None:
    assert Expansion.model_validate_json(body("expansion")).chunks == 3
    assert read_message(body("fact")) == FactPointer(trace="t", key="k", organization_id="m-1", parts=(Part.LOG,))


@pytest.mark.parametrize("name", ["delivery", "notice", "calendar", "bounce", "call", "pointer", "fact", *EXPORTS])
def test_members_of_a_later_version_are_ignored(name: str) -> None:
    later = SAMPLES[name] | {"added_later": {"x": 1}}
    for inner in ("raw", "upload"):
        if later.get(inner):
            later[inner] = later[inner] | {"added_later": 1}
    assert read_message(json.dumps(later)) == read_message(body(name))


def test_members_of_a_later_versions_expansion_are_ignored() -> None:
    now = SAMPLES["expansion"]
    later = now | {"added_later": 1, "plan": now["plan"] | {"added_later": 1}}
    assert Expansion.model_validate_json(json.dumps(later)) == Expansion.model_validate_json(body("expansion"))


@pytest.mark.parametrize("name", ["delivery", "notice", "calendar", "bounce", "call", "pointer", *EXPORTS])
def test_what_is_written_has_every_member_that_the_older_version_needs(name: str) -> None:
    written = read_message(body(name)).model_dump(mode="json")
    assert SAMPLES[name].items() <= written.items()


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 3},
        {"version": 0},
        {"kind": "MESSAGE"},
        {"kind": None},
        {"kind": []},
        {"trace": 1},
        {"recipient": "\ud800"},
    ],
)
def test_a_form_that_is_not_known_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidNotificationError):
        read_message(json.dumps(SAMPLES["delivery"] | changes))


@pytest.mark.parametrize("changes", [{"version": 3}, {"kind": "OF_A_NEWER_VERSION"}])
def test_a_row_of_a_newer_version_is_refused_as_such(changes: dict[str, Any]) -> None:
    with pytest.raises(NewerFormError, match="which this version cannot read"):
        order_of(SAMPLES["delivery"] | changes)


@pytest.mark.parametrize("text", ["", "[]", "1", "null", '"x"', "{", "[" * 100_000])
def test_what_is_no_document_is_an_error(text: str) -> None:
    with pytest.raises(InvalidNotificationError):
        read_message(text)


def test_every_order_is_carried_out_by_a_station_of_the_table() -> None:
    for each in (order(), bounce(), calendar_order(), call(), call(synchronous=False)):
        station = STATIONS[each.station]
        assert station.orders is type(each)
        assert 0 < len(each.group) <= 128
        assert (each.trace, each.organization_id) == (TRACE, ORG)


def test_a_call_of_a_provider_has_no_queue_and_an_end_of_its_own() -> None:
    found = provider_call()
    assert order_of(json.loads(found.model_dump_json())) == found
    assert found.station not in STATIONS
    ended = found.stopped(NOON + 1)
    assert ended.event["availability_event_successful"] is False
    assert ended.event["error_message"].startswith("the result is unknown")
    assert ended.id == found.ended(NOON).id
    assert all(each.stopped(NOON) is None for each in (order(), bounce(), call()))


def test_an_order_to_plan_an_export_is_read() -> None:
    found = PlanExportOrder(trace=export_trace("j-1"), organization_id=ORG, job_id="j-1")
    assert order_of(json.loads(found.model_dump_json())) == found == read_message(found.message)
    assert (found.trace, found.key, found.station, found.group) == ("export:j-1", "plan-export", "plan_export", "j-1")
    assert found.stopped(NOON) is None
    assert parked(found.key).in_transit


def test_orders_of_an_import_are_read() -> None:
    found = ImportOrder(trace=import_trace("j-1"), organization_id=ORG, job_id="j-1")
    end = end_of_import(found.trace, ORG, "j-1", "why")
    assert ((found.key, end.key), found.group) == (("import", "end-import"), "j-1")
    for each in (found, end):
        assert order_of(json.loads(each.model_dump_json())) == each == read_message(each.message)
        assert (each.station, STATIONS[each.station].orders) == ("import_mailbox", ImportOrder)
        assert parked(each.key).in_transit


def test_orders_that_follow_a_plan_are_read() -> None:
    pack, seal, end = (order_of(SAMPLES[name]) for name in EXPORTS[1:])
    assert isinstance(pack, PackExportOrder)
    assert isinstance(seal, SealExportOrder)
    assert (pack.key, pack.station, pack.run) == ("pack-export:7", "pack_export", 7)
    assert pack.model_copy(update={"round": 2}).key == "pack-export:7:2"
    assert (seal.key, seal.station, seal.upload) == ("seal-export:1", "seal_export", pack.upload)
    assert end == end_order("export:j-1", ORG, "j-1", "KeyUnavailableError: it is disabled")
    assert (end.key, end.station) == ("end-export", "seal_export")
    for each in (pack, seal, end):
        assert STATIONS[each.station].orders is type(each)
        assert parked(each.key).in_transit
        assert each.group == "j-1"


def test_the_key_of_an_order_belongs_to_nothing_else_in_transit() -> None:
    for each in (order(), order(kind=OrderKind.QUOTA_NOTICE), bounce(), calendar_order(), call(), provider_call()):
        assert parked(each.key).in_transit
        assert not each.key.startswith(EXPANSION)
