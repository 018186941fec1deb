"""Jobs that export a mailbox: their progress, their end, and what they bar."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.model.exports import MAILBOX_PAUSE_MS, ExportPlan, MailboxExportJob
from postroom.model.jobs import KEPT_S, LISTED_MS, MAX_ERROR_CHARACTERS, JobState
from tests.support.builders import NOON

ENDS: Final = [JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED]


def job(**changes: Any) -> MailboxExportJob:
    made = MailboxExportJob(
        organization_id="m-1",
        id="j-1",
        entity_id="ann",
        role_arn="arn:aws:iam::123456789012:role/export",
        external_id="arn:aws:workmail:us-east-1:123456789012:organization/m-1",
        key_arn="arn:aws:kms:us-east-1:123456789012:key/k",
        bucket="bucket",
        prefix="exports",
        started=NOON,
    )
    return replace(made, **changes)


def plan(runs: int) -> ExportPlan:
    return ExportPlan(runs=runs, items=1, folders=1, size=1)


@pytest.mark.parametrize("prefix", ["exports", "exports/"])
def test_archive_and_log_are_beside_each_other_under_the_prefix(prefix: str) -> None:
    found = job(prefix=prefix)
    assert (found.path, found.log_path) == ("exports/j-1.zip", "exports/j-1.json")


@given(st.integers(1, 200).flatmap(lambda runs: st.permutations(range(runs))))
def test_progress_grows_with_every_run_whatever_their_order_and_is_whole_only_for_a_completed_job(
    order: list[int],
) -> None:
    found = job()
    shown = [found.progress]
    found = replace(found, plan=plan(len(order)))
    for count, run in enumerate(order, start=1):
        assert not found.all_packed
        shown.append(found.progress)
        found = found.with_packed(run)
        assert found.with_packed(run) == found
        assert found.packed_runs == count
    shown.append(found.progress)
    assert found.all_packed
    assert shown[:2] == [0, 1]
    assert shown == sorted(shown)
    assert shown[-1] < found.end(JobState.COMPLETED, NOON).progress == 100


def test_a_plan_without_runs_is_packed_at_once() -> None:
    found = job(plan=plan(0))
    assert found.all_packed
    assert 0 < found.progress < 100
    assert not job().all_packed


@pytest.mark.parametrize("state", ENDS)
def test_the_record_of_an_ended_job_is_kept_for_a_week(state: JobState) -> None:
    found = job().end(state, NOON + 1000, "x" * 2000)
    assert (found.state, found.ended, found.expires) == (state, NOON + 1000, NOON // 1000 + 1 + KEPT_S)
    assert found.error_info == "x" * MAX_ERROR_CHARACTERS
    assert not found.is_running
    assert not found.can_be_cancelled


def test_a_job_can_be_cancelled_until_its_upload_is_being_completed() -> None:
    assert job().can_be_cancelled
    assert job(plan=plan(1), packed=b"\1").can_be_cancelled
    assert not job(completing=True).can_be_cancelled


def test_a_job_that_is_stopped_says_by_what_and_runs_on() -> None:
    found = job().stopped_by("y" * 2000)
    assert found.is_running
    assert found.error_info == "y" * MAX_ERROR_CHARACTERS


@pytest.mark.parametrize(
    ("state", "at", "bars"),
    [
        (JobState.RUNNING, 0, True),
        (JobState.RUNNING, 10 * MAILBOX_PAUSE_MS, True),
        (JobState.COMPLETED, MAILBOX_PAUSE_MS - 1, True),
        (JobState.COMPLETED, MAILBOX_PAUSE_MS, False),
        (JobState.FAILED, 0, False),
        (JobState.CANCELLED, 0, False),
    ],
)
def test_a_mailbox_waits_for_its_running_job_and_for_a_day_after_the_start_of_a_completed_one(
    state: JobState, at: int, *, bars: bool
) -> None:
    assert job(state=state).bars_next(NOON + at) is bars


def test_a_job_is_listed_for_seven_days_from_its_start() -> None:
    assert job().is_listed(NOON + LISTED_MS - 1)
    assert not job().is_listed(NOON + LISTED_MS)
