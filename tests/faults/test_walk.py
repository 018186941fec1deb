"""A sample of the fault walk: every scenario, every fault, some of the places. All of them: ./scripts/faults."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults.export_scenarios import EXPORTS
from tests.faults.faults import FAULTS
from tests.faults.permissions import not_allowed
from tests.faults.scenarios import SCENARIOS
from tests.faults.walk import prepared

if TYPE_CHECKING:
    from tests.faults.scenario import Scenario

MOST = 1
"""How many places are struck under each fault."""

TURNS = (FAULTS[::3], FAULTS[1::3], FAULTS[2::3])
"""Scenarios take turns: each is walked under a third of the faults, the next under another."""


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_nothing_is_lost_duplicated_or_wrong_nor_more_asked_for_than_roles_allow(scenario: Scenario) -> None:
    with prepared(scenario) as walk:
        results = [walk.under(fault, most=MOST) for fault in TURNS[SCENARIOS.index(scenario) % 3]]
    assert [trouble for result in results for trouble in result.troubles] == []
    assert all(result.runs for result in results)
    assert not_allowed(walk.harness.injector.asked, walk.harness.stack.environment) == set()


def test_an_export_of_a_thousand_messages_makes_at_most_eleven_calls_per_ten() -> None:
    """One call reads a message; all others are of the job or of a run, which has thousands of messages of usual size.

    Every 16 MB of archive cost two calls more.
    """
    with prepared(EXPORTS[0]) as walk:
        calls = [call for call in walk.calls if call != "pack_export: s3 GetObject"]
    assert len(walk.calls) - len(calls) == 2 + 2, "two messages, the run's plan, and whether it was packed before"
    assert (1000 + len(calls) + 2) / 1000 <= 1.1


def test_every_scenario_and_fault_has_a_name_of_its_own() -> None:
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_the_walk_notices_what_a_role_does_not_allow() -> None:
    tables = {"LEDGER_TABLE": "ledger", "TRANSIT_TABLE": "transit", "INBOUND_BUCKET": "mail-in"}
    fine = {("ingest", "dynamodb:PutItem", "ledger"), ("ingest", "s3:GetObject", "mail-in/inbound/m1")}
    beyond = {
        ("ingest", "dynamodb:DeleteItem", "ledger"),  # facts are never taken back
        ("ingest", "s3:PutObject", "mail-in/inbound/m1"),
        ("deliver", "s3:DeleteObject", "mail-in/transit/t/plan"),
        ("park", "ses:SendRawEmail", ""),
    }
    assert not_allowed(fine | beyond, tables) == beyond


def test_the_walk_notices_what_a_role_denies_although_it_allows_it_elsewhere() -> None:
    buckets = {"MAIL_BUCKET": "sealed", "INBOUND_BUCKET": "mail-in"}
    fine = {
        ("message_flow_api", "s3:GetObject", "of-a-customer/letter"),
        ("message_flow_api", "s3:ListBucket", "of-a-customer"),
        ("message_flow_api", "s3:GetBucketTagging", "of-a-customer"),
        ("message_flow_api", "lambda:GetFunctionConfiguration", ""),
        ("message_flow_api", "s3:GetObject", "mail-in/transit/t/plan"),
    }
    denied = {
        ("message_flow_api", "s3:GetObject", "sealed/mail/o/m/1"),
        ("message_flow_api", "s3:GetObjectVersion", "sealed/mail/o/m/1"),
        ("message_flow_api", "s3:ListBucket", "sealed"),
        ("message_flow_api", "s3:GetObject", "mail-in/rules/o/1"),
    }
    assert not_allowed(fine | denied, buckets) == denied
