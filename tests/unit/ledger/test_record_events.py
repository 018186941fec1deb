"""record_events: what goes where, and that nobody's trouble is anybody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.event_log import MemoryEventLogs
from postroom.contracts.between_stations import FactPointer, Part
from postroom.errors import StoreUnavailableError
from postroom.model.directory import Monitoring
from postroom.model.facts import Fact, OwnFact
from postroom.ports.event_log import LedgerRecord, LogDestination, LogLine
from tests.support.facts import ACME, NOON, OTHER, Settings, delivered, fact, own, received

from .conftest import DEFAULT, ROLE, World

if TYPE_CHECKING:
    from collections.abc import Sequence

ACMES = [fact(received(), "a1"), fact(delivered(), "a1", NOON + 1)]
OTHERS = [fact(received(), "b1", organization_id=OTHER), fact(delivered(), "b1", NOON + 1, organization_id=OTHER)]
MIXED = [ACMES[0], OTHERS[0], ACMES[1], OTHERS[1]]


def pointer_to(each: Fact, *parts: Part) -> FactPointer:
    return FactPointer(trace=each.trace, key=each.key, organization_id=each.organization_id, parts=parts)


def test_each_organizations_events_go_into_its_own_log_and_all_facts_onto_the_bus(world: World) -> None:
    outcome = world.record(*MIXED, own(OwnFact.RECIPIENT_SKIPPED, "a1"))
    assert world.lines("acme-events") == [each.id for each in ACMES]
    assert world.lines(DEFAULT) == [each.id for each in OTHERS]
    assert [event.id for event in world.bus.announced] == [*(each.id for each in MIXED), "a1/RECIPIENT_SKIPPED"]
    assert world.metrics.sums[ACME, "OrganizationEmailReceived"] == 1
    assert (outcome.projected, outcome.failed, outcome.refused) == (5, (), {})
    assert not world.retries.sent


def test_a_missing_default_group_is_made_with_30_days_of_retention(world: World) -> None:
    world.record(*OTHERS)
    assert world.logs.retention == {DEFAULT: 30}


def test_a_log_is_written_in_order_of_time_whatever_the_order_of_the_stream(world: World) -> None:
    world.record(*reversed(ACMES))
    assert world.lines("acme-events") == [each.id for each in ACMES]


@pytest.mark.parametrize("closed", ["acme-events", ROLE])
def test_one_organizations_refusing_log_delays_no_other(world: World, closed: str) -> None:
    world.logs.closed[closed] = "AccessDeniedException"
    outcome = world.record(*MIXED)
    assert world.lines(DEFAULT) == [each.id for each in OTHERS]
    assert len(world.bus.announced) == 4
    assert world.retries.sent == [(pointer_to(each, Part.LOG), 60) for each in ACMES]
    assert outcome.failed == ()
    assert outcome.summary == {
        "projected": 4,
        "failed": 0,
        "refused": [
            {
                "organizationId": ACME,
                "cause": "EventLogRefusedError: AccessDeniedException at acme-events",
                "facts": 2,
            }
        ],
    }


def test_a_configured_group_that_is_gone_is_not_made_again(world: World) -> None:
    del world.logs.groups["acme-events"]
    world.record(*ACMES)
    assert world.logs.groups == {}
    assert [pointer for pointer, _ in world.retries.sent] == [pointer_to(each, Part.LOG) for each in ACMES]


def test_an_organization_that_switched_its_log_off_is_still_announced_and_counted(world: World) -> None:
    world.settings = Settings({ACME: Monitoring("acme", enabled=False, log_group=None, role_arn=None)})
    world.record(*ACMES)
    assert world.lines("/aws/workmail/emailevents/acme") == []
    assert len(world.bus.announced) == 2
    assert world.metrics.sums[ACME, "MailboxEmailDelivered"] == 1
    assert not world.retries.sent


def test_an_organization_that_nobody_knows_is_retried_alone(world: World) -> None:
    stranger = fact(received(), "x1", organization_id="m-" + "f" * 32)
    world.record(stranger, *OTHERS)
    assert world.lines(DEFAULT) == [each.id for each in OTHERS]
    assert [pointer for pointer, _ in world.retries.sent] == [pointer_to(stranger, Part.LOG)]


def test_settings_that_cannot_be_read_delay_only_their_organization(world: World) -> None:
    class Flaky(Settings):
        def monitoring(self, organization_id: str) -> Monitoring:
            if organization_id == ACME:
                raise StoreUnavailableError("the directory table did not answer")
            return super().monitoring(organization_id)

    world.settings = Flaky(world.settings.of)
    assert world.record(*MIXED).failed == ()
    assert world.lines(DEFAULT) == [each.id for each in OTHERS]
    assert len(world.retries.sent) == 2


def test_a_fact_that_is_refused_at_both_places_has_one_pointer_that_names_both(world: World) -> None:
    world.logs.closed["acme-events"] = "ThrottlingException"
    world.bus.refusing[ACMES[0].id] = "InternalFailure"
    world.record(*ACMES)
    assert [pointer for pointer, _ in world.retries.sent] == [
        pointer_to(ACMES[0], Part.LOG, Part.BUS),
        pointer_to(ACMES[1], Part.LOG),
    ]


def test_a_bus_that_is_away_does_not_delay_the_logs(world: World) -> None:
    world.bus.away = True
    assert world.record(*MIXED).failed == ()
    assert world.lines("acme-events") == [each.id for each in ACMES]
    assert [pointer for pointer, _ in world.retries.sent] == [pointer_to(each, Part.BUS) for each in MIXED]


def test_events_that_the_log_finds_too_old_are_not_lost(world: World) -> None:
    old = fact(received(), "a0", NOON - 15 * 86_400_000)
    outcome = world.record(old, *ACMES)
    assert world.lines("acme-events") == [each.id for each in ACMES]
    assert [pointer for pointer, _ in world.retries.sent] == [pointer_to(old, Part.LOG)]
    assert "takes no events this old" in next(iter(outcome.refused.values()))


def test_a_record_that_is_no_fact_goes_by_itself(world: World) -> None:
    pointer = FactPointer(trace="p", key="k", organization_id="-", parts=(Part.LOG, Part.BUS))
    outcome = world.record(ACMES[0], LedgerRecord("1", None, pointer), ACMES[1])
    assert world.lines("acme-events") == [each.id for each in ACMES]
    assert world.retries.sent == [(pointer, 60)]
    assert outcome.failed == ()


def test_a_record_without_even_a_name_is_given_back_and_what_follows_is_counted_when_it_comes_again(
    world: World,
) -> None:
    outcome = world.record(ACMES[0], LedgerRecord("nameless", None), ACMES[1])
    assert outcome.failed == ("nameless",)
    assert world.lines("acme-events") == [each.id for each in ACMES]
    assert world.metrics.sums == {(ACME, "OrganizationEmailReceived"): 1}


def test_what_could_not_be_handed_on_is_given_back_and_only_that(world: World) -> None:
    world.logs.closed["acme-events"] = "AccessDeniedException"
    world.retries.away = True
    outcome = world.record(OTHERS[0], ACMES[0], OTHERS[1], ACMES[1])
    assert outcome.failed == ("1", "3")
    assert world.metrics.sums == {(OTHER, "OrganizationEmailReceived"): 1}


def test_a_slow_log_leaves_time_to_hand_the_rest_over(world: World) -> None:
    left = [60_000]

    class Slow(MemoryEventLogs):
        def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
            left[0] -= 40_000
            return super().put(destination, lines)

    world.logs = Slow(world.logs.now, groups=world.logs.groups)
    outcome = world.record(*MIXED, remaining=lambda: left[0])
    assert left == [20_000]  # the second organization was not begun
    assert world.lines("acme-events") == [each.id for each in ACMES]
    assert outcome.failed == ()
    causes = {(pointer.organization_id, pointer.parts): cause for pointer, cause in outcome.refused.items()}
    assert causes == {
        (OTHER, (Part.LOG, Part.BUS)): "the function ran out of time",
        (ACME, (Part.BUS,)): "the function ran out of time",
    }


def test_an_empty_batch_is_nothing(world: World) -> None:
    assert world.record().summary == {"projected": 0, "failed": 0, "refused": []}
    assert not world.retries.sent
