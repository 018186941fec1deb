"""record_events: where facts are written; an error with one organization does not affect another."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postroom.adapters.memory.event_log import MemoryEventLogs
from postroom.contracts.pointers import FactPointer, Part
from postroom.errors import StoreUnavailableError
from postroom.model.directory import Monitoring
from postroom.model.facts import Fact, OwnFact
from postroom.ports.event_log import LedgerRecord, LogDestination
from tests.support.facts import ACME, NOON, OTHER, Settings, delivered, fact, own, received

from .conftest import DEFAULT, ROLE, Pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.log_lines import LogLine

ACMES = [fact(received(), "a1"), fact(delivered(), "a1", NOON + 1)]
OTHERS = [fact(received(), "b1", organization_id=OTHER), fact(delivered(), "b1", NOON + 1, organization_id=OTHER)]
MIXED = [ACMES[0], OTHERS[0], ACMES[1], OTHERS[1]]


def pointer_to(each: Fact, *parts: Part) -> FactPointer:
    return FactPointer(trace=each.trace, key=each.key, organization_id=each.organization_id, parts=parts)


def test_each_organizations_events_go_into_its_own_log_and_all_facts_onto_the_bus(pipeline: Pipeline) -> None:
    outcome = pipeline.record(*MIXED, own(OwnFact.RECIPIENT_SKIPPED, "a1"))
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]
    assert pipeline.lines(DEFAULT) == [each.id for each in OTHERS]
    assert [event.id for event in pipeline.bus.announced] == [*(each.id for each in MIXED), "a1/RECIPIENT_SKIPPED"]
    assert pipeline.metrics.sums[ACME, "OrganizationEmailReceived"] == 1
    assert (outcome.projected, outcome.failed, outcome.refused) == (5, (), {})
    assert not pipeline.retries.sent


def test_a_missing_default_group_is_made_with_30_days_of_retention(pipeline: Pipeline) -> None:
    pipeline.record(*OTHERS)
    assert pipeline.logs.retention == {DEFAULT: 30}


def test_a_log_is_written_in_order_of_time_whatever_the_order_of_the_stream(pipeline: Pipeline) -> None:
    pipeline.record(*reversed(ACMES))
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]


@pytest.mark.parametrize("closed", ["acme-events", ROLE])
def test_one_organizations_refusing_log_delays_no_other(pipeline: Pipeline, closed: str) -> None:
    pipeline.logs.closed[closed] = "AccessDeniedException"
    outcome = pipeline.record(*MIXED)
    assert pipeline.lines(DEFAULT) == [each.id for each in OTHERS]
    assert len(pipeline.bus.announced) == 4
    assert pipeline.retries.sent == [(pointer_to(each, Part.LOG), 60) for each in ACMES]
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


def test_a_configured_group_that_is_gone_is_not_made_again(pipeline: Pipeline) -> None:
    del pipeline.logs.groups["acme-events"]
    pipeline.record(*ACMES)
    assert pipeline.logs.groups == {}
    assert [pointer for pointer, _ in pipeline.retries.sent] == [pointer_to(each, Part.LOG) for each in ACMES]


def test_an_organization_that_switched_its_log_off_is_still_announced_and_counted(pipeline: Pipeline) -> None:
    pipeline.settings = Settings({ACME: Monitoring("acme", enabled=False, log_group=None, role_arn=None)})
    pipeline.record(*ACMES)
    assert pipeline.lines("/aws/workmail/emailevents/acme") == []
    assert len(pipeline.bus.announced) == 2
    assert pipeline.metrics.sums[ACME, "MailboxEmailDelivered"] == 1
    assert not pipeline.retries.sent


def test_an_organization_that_nobody_knows_is_retried_alone(pipeline: Pipeline) -> None:
    stranger = fact(received(), "x1", organization_id="m-" + "f" * 32)
    pipeline.record(stranger, *OTHERS)
    assert pipeline.lines(DEFAULT) == [each.id for each in OTHERS]
    assert [pointer for pointer, _ in pipeline.retries.sent] == [pointer_to(stranger, Part.LOG)]


def test_settings_that_cannot_be_read_delay_only_their_organization(pipeline: Pipeline) -> None:
    class Flaky(Settings):
        def monitoring(self, organization_id: str) -> Monitoring:
            if organization_id == ACME:
                raise StoreUnavailableError("the directory table did not answer")
            return super().monitoring(organization_id)

    pipeline.settings = Flaky(pipeline.settings.of)
    assert pipeline.record(*MIXED).failed == ()
    assert pipeline.lines(DEFAULT) == [each.id for each in OTHERS]
    assert len(pipeline.retries.sent) == 2


def test_a_fact_that_is_refused_at_both_places_has_one_pointer_that_names_both(pipeline: Pipeline) -> None:
    pipeline.logs.closed["acme-events"] = "ThrottlingException"
    pipeline.bus.refusing[ACMES[0].id] = "InternalFailure"
    pipeline.record(*ACMES)
    assert [pointer for pointer, _ in pipeline.retries.sent] == [
        pointer_to(ACMES[0], Part.LOG, Part.BUS),
        pointer_to(ACMES[1], Part.LOG),
    ]


def test_a_bus_that_is_away_does_not_delay_the_logs(pipeline: Pipeline) -> None:
    pipeline.bus.away = True
    assert pipeline.record(*MIXED).failed == ()
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]
    assert [pointer for pointer, _ in pipeline.retries.sent] == [pointer_to(each, Part.BUS) for each in MIXED]


def test_events_that_the_log_finds_too_old_are_not_lost(pipeline: Pipeline) -> None:
    old = fact(received(), "a0", NOON - 15 * 86_400_000)
    outcome = pipeline.record(old, *ACMES)
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]
    assert [pointer for pointer, _ in pipeline.retries.sent] == [pointer_to(old, Part.LOG)]
    assert "takes no events this old" in next(iter(outcome.refused.values()))


def test_a_record_that_is_no_fact_goes_by_itself(pipeline: Pipeline) -> None:
    pointer = FactPointer(trace="p", key="k", organization_id="-", parts=(Part.LOG, Part.BUS))
    outcome = pipeline.record(ACMES[0], LedgerRecord("1", None, pointer), ACMES[1])
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]
    assert pipeline.retries.sent == [(pointer, 60)]
    assert outcome.failed == ()


def test_a_record_without_even_a_name_is_given_back_and_what_follows_is_counted_when_it_comes_again(
    pipeline: Pipeline,
) -> None:
    outcome = pipeline.record(ACMES[0], LedgerRecord("nameless", None), ACMES[1])
    assert outcome.failed == ("nameless",)
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]
    assert pipeline.metrics.sums == {(ACME, "OrganizationEmailReceived"): 1}


def test_what_could_not_be_handed_on_is_given_back_and_only_that(pipeline: Pipeline) -> None:
    pipeline.logs.closed["acme-events"] = "AccessDeniedException"
    pipeline.retries.away = True
    outcome = pipeline.record(OTHERS[0], ACMES[0], OTHERS[1], ACMES[1])
    assert outcome.failed == ("1", "3")
    assert pipeline.metrics.sums == {(OTHER, "OrganizationEmailReceived"): 1}


def test_a_slow_log_leaves_time_to_hand_the_rest_over(pipeline: Pipeline) -> None:
    left = [60_000]

    class Slow(MemoryEventLogs):
        def put(self, destination: LogDestination, lines: Sequence[LogLine]) -> frozenset[str]:
            left[0] -= 40_000
            return super().put(destination, lines)

    pipeline.logs = Slow(pipeline.logs.now, groups=pipeline.logs.groups)
    outcome = pipeline.record(*MIXED, remaining=lambda: left[0])
    assert left == [20_000]  # the second organization was not begun
    assert pipeline.lines("acme-events") == [each.id for each in ACMES]
    assert outcome.failed == ()
    causes = {(pointer.organization_id, pointer.parts): cause for pointer, cause in outcome.refused.items()}
    assert causes == {
        (OTHER, (Part.LOG, Part.BUS)): "the function ran out of time",
        (ACME, (Part.BUS,)): "the function ran out of time",
    }


def test_an_empty_batch_is_nothing(pipeline: Pipeline) -> None:
    assert pipeline.record().summary == {"projected": 0, "failed": 0, "refused": []}
    assert not pipeline.retries.sent
