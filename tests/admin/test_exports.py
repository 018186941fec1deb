"""Mailbox export jobs: how they start, what they say, and how they are cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.export_orders import PlanExportOrder, end_order
from postroom.errors import ConflictError, StoreUnavailableError
from postroom.model import consent
from postroom.model.exports import ExportPlan, MailboxExportJob, export_trace
from postroom.model.jobs import JobState
from postroom.model.limits import DAY_MS
from postroom.model.records import Replace
from postroom.model.role_trust import statement
from postroom.ports.export_checks import BucketFacts
from postroom.ports.organization_keys import KeyFacts
from tests.admin.conftest import EXPORT_ROLES

if TYPE_CHECKING:
    from collections.abc import Callable

Start, Cancel = "StartMailboxExportJob", "CancelMailboxExportJob"
Describe, List = "DescribeMailboxExportJob", "ListMailboxExportJobs"

ROLE = "arn:aws:iam::123456789012:role/WorkmailMailboxExportRole"
KEY = "arn:aws:kms:us-east-1:123456789012:key/exports"
TO: dict[str, Any] = {"RoleArn": ROLE, "KmsKeyArn": KEY, "S3BucketName": "take-out", "S3Prefix": "mail"}


class ReadOnly:
    """A port that is read, but takes nothing."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def __getattr__(self, name: str) -> Any:
        return self.refuse if name in {"commit", "send"} else getattr(self._port, name)

    def refuse(self, *_: Any) -> None:
        raise StoreUnavailableError("no answer")


@pytest.fixture(autouse=True)
def account(context: Any, acme: str) -> None:
    """An account with a role, a key and a bucket that an export may use."""
    arn = context.directory.organization(acme).arn
    context.log_targets.roles[ROLE] = {"Statement": [statement(EXPORT_ROLES, arn)]}
    context.log_targets.tags[ROLE] = {consent.MAILBOX_EXPORT: acme}
    context.organization_keys.keys[KEY] = KeyFacts(KEY, "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT", "Enabled")
    context.export_buckets.buckets["take-out"] = BucketFacts("us-east-1")


@pytest.fixture
def start(caller: Any, acme: str) -> Callable[..., str]:
    """Start a job for an entity and return its id."""

    def make(entity: str, **changes: Any) -> str:
        token = f"token-{caller.now}"
        request = {"OrganizationId": acme, "EntityId": entity, "ClientToken": token, **TO, **changes}
        made: str = caller(Start, **request)["JobId"]
        return made

    return make


@pytest.fixture
def change(context: Any, acme: str) -> Callable[..., None]:
    """Change a job as its stations do."""

    def make(job_id: str, make_next: Callable[[MailboxExportJob], MailboxExportJob]) -> None:
        job = context.directory.owned(MailboxExportJob, acme, job_id)
        context.directory.commit([Replace(make_next(job))])

    return make


def state(caller: Any, acme: str, job_id: str) -> str:
    return str(caller(Describe, OrganizationId=acme, JobId=job_id)["State"])


def test_a_job_begins_with_the_order_that_plans_it(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    made = start("ann@example.com", Description="for the auditors")
    started = caller.now / 1000
    described = {
        "EntityId": ann,
        "Description": "for the auditors",
        "S3BucketName": "take-out",
        "S3Path": f"mail/{made}.zip",
        "EstimatedProgress": 0,
        "State": "RUNNING",
        "StartTime": started,
    }
    more = {"RoleArn": ROLE, "KmsKeyArn": KEY, "S3Prefix": "mail"}
    assert caller(Describe, OrganizationId=acme, JobId=made) == {**described, **more}
    assert caller(List, OrganizationId=acme) == {"Jobs": [{"JobId": made, **described}]}
    (order,) = context.transit.open_orders(export_trace(made))
    assert isinstance(order, PlanExportOrder)
    assert (order.trace, order.organization_id, order.job_id) == (export_trace(made), acme, made)
    assert order.destination is not None
    assert order.destination.path.endswith(f"/{made}.zip")
    assert list(context.queues.queues["plan_export"]) == [order.message]
    job = context.directory.owned(MailboxExportJob, acme, made)
    assert job.external_id == context.directory.organization(acme).arn


def test_the_same_token_starts_one_job(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    assert start(ann, ClientToken="t") == start(ann, ClientToken="t")
    assert len(context.queues.queues["plan_export"]) == 1
    request = {"OrganizationId": acme, "EntityId": ann, "ClientToken": "t", **TO, "S3Prefix": "other"}
    assert "ClientToken" in caller.refused("InvalidParameterException", Start, **request)


@pytest.mark.parametrize("named", ["ann", "ANN@Example.com"])
def test_a_disabled_user_and_a_resource_have_mailboxes_too(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], named: str
) -> None:
    ann = enable("ann")
    room = enable("aurora", kind="Resource", Type="ROOM")
    if "@" not in named:
        caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=ann)
    jobs = [start(named), start(room)]
    found = {job["JobId"]: job["EntityId"] for job in caller(List, OrganizationId=acme)["Jobs"]}
    assert found == dict(zip(jobs, (ann, room), strict=True))


def test_what_has_no_mailbox_is_not_found(caller: Any, acme: str, enable: Callable[..., str], user: str) -> None:
    group = enable("team", kind="Group")
    gone = enable("bob")
    caller("DeregisterFromWorkMail", OrganizationId=acme, EntityId=gone)
    caller("DeleteUser", OrganizationId=acme, UserId=gone)
    for entity in ("nobody", group, "team", gone, user):
        request = {"OrganizationId": acme, "EntityId": entity, "ClientToken": "t", **TO}
        assert entity in caller.refused("EntityNotFoundException", Start, **request)
    assert caller(List, OrganizationId=acme) == {"Jobs": []}


def test_a_mailbox_is_exported_once_a_day(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None]
) -> None:
    ann = enable("ann")
    request = {"OrganizationId": acme, "EntityId": "ann", "ClientToken": "again", **TO}
    first, began = start(ann), caller.now
    text = caller.refused("LimitExceededException", Start, **request)
    assert first in text
    assert "is running" in text
    change(first, lambda job: job.end(JobState.COMPLETED, began + 1))
    caller.now = began + DAY_MS - 2000
    text = caller.refused("LimitExceededException", Start, **request)
    assert first in text
    assert "24 hours" in text
    caller.now = began + DAY_MS - 1000
    assert start(ann) != first


@pytest.mark.parametrize("end", [JobState.FAILED, JobState.CANCELLED])
def test_a_job_that_has_left_nothing_bars_no_other(
    enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None], end: JobState
) -> None:
    ann = enable("ann")
    first = start(ann)
    change(first, lambda job: job.end(end, job.started + 1, "why"))
    assert start(ann) != first


def test_ten_jobs_of_an_organization_run_at_once(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    jobs = [start(enable(f"u{number}")) for number in range(10)]
    request = {"OrganizationId": acme, "EntityId": enable("last"), "ClientToken": "t", **TO}
    assert "At most 10" in caller.refused("LimitExceededException", Start, **request)
    caller(Cancel, OrganizationId=acme, JobId=jobs[3], ClientToken="c")
    assert caller(Start, **request)["JobId"] not in jobs


def test_of_two_starts_at_once_the_second_counts_the_first(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    commit = context.directory.commit
    first: list[str] = []

    def faster(changes: Any) -> None:
        context.directory.commit = commit
        first.append(start(ann, ClientToken="faster"))
        commit(changes)

    context.directory.commit = faster
    request = {"OrganizationId": acme, "EntityId": ann, "ClientToken": "slower", **TO}
    text = caller.refused("LimitExceededException", Start, **request)
    assert first[0] in text
    assert [job["JobId"] for job in caller(List, OrganizationId=acme)["Jobs"]] == first


def test_a_start_that_stops_before_the_job_is_written_leaves_an_order_only(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    caller.context = replace(context, directory=ReadOnly(context.directory))
    request = {"OrganizationId": acme, "EntityId": ann, "ClientToken": "t", **TO}
    caller.refused("ServiceUnavailable", Start, **request)
    caller.context = context
    assert caller(List, OrganizationId=acme) == {"Jobs": []}
    assert not context.queues.queues
    assert context.transit.tables.transit
    assert start(ann, ClientToken="t")


def test_a_start_whose_message_is_not_sent_has_its_job_and_its_order(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    context.queues.away = True
    request = {"OrganizationId": acme, "EntityId": ann, "ClientToken": "t", **TO}
    caller.refused("ServiceUnavailable", Start, **request)
    context.queues.away = False
    (job,) = caller(List, OrganizationId=acme)["Jobs"]
    assert context.transit.order(export_trace(job["JobId"]), "plan-export") is not None
    assert start(ann, ClientToken="t") == job["JobId"]


def test_progress_moves_and_ends_with_the_job(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None]
) -> None:
    job = start(enable("ann"))
    plan = ExportPlan(runs=4, items=9, folders=3, size=900)
    steps: list[Callable[[MailboxExportJob], MailboxExportJob]] = [
        lambda each: replace(each, plan=plan),
        lambda each: each.with_packed(2),
        lambda each: each.with_packed(0),
        lambda each: each.end(JobState.COMPLETED, caller.now),
    ]
    shown = [0]
    for step in steps:
        change(job, step)
        found = caller(Describe, OrganizationId=acme, JobId=job)
        shown.append(found["EstimatedProgress"])
    assert shown == sorted(set(shown))
    assert shown[-1] == 100
    assert found["EndTime"] == (caller.now - 1000) / 1000
    assert "ErrorInfo" not in found


def test_what_stops_a_job_is_told(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None]
) -> None:
    job = start(enable("ann"))
    change(job, lambda each: each.stopped_by("the role may not be assumed"))
    found = caller(Describe, OrganizationId=acme, JobId=job)
    assert (found["State"], found["ErrorInfo"]) == ("RUNNING", "the role may not be assumed")
    change(job, lambda each: each.end(JobState.FAILED, caller.now, "given up"))
    found = caller(Describe, OrganizationId=acme, JobId=job)
    assert (found["State"], found["ErrorInfo"]) == ("FAILED", "given up")


def test_jobs_of_the_last_seven_days_are_listed_in_pages_and_older_ones_described(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None]
) -> None:
    jobs = []
    for name in ("ann", "bob", "cid", "dan"):
        jobs.append(start(enable(name)))
        caller.now += DAY_MS
    change(jobs[0], lambda job: job.end(JobState.COMPLETED, caller.now))
    caller.now = caller.now + 3 * DAY_MS
    shown: list[str] = []
    more: dict[str, Any] = {}
    while True:
        found = caller(List, OrganizationId=acme, MaxResults=1, **more)
        shown += [job["JobId"] for job in found["Jobs"]]
        if "NextToken" not in found:
            break
        more = {"NextToken": found["NextToken"]}
    assert shown == jobs[1:]
    assert state(caller, acme, jobs[0]) == "COMPLETED"


def test_a_running_job_is_cancelled_once_and_again(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    job = start(enable("ann"))
    for token in ("c", "c", "another"):
        assert caller(Cancel, OrganizationId=acme, JobId=job, ClientToken=token) == {}
    found = caller(Describe, OrganizationId=acme, JobId=job)
    assert found["State"] == "CANCELLED"
    assert found["EndTime"] > found["StartTime"]
    order = end_order(export_trace(job), acme, job)
    assert context.transit.order(order.trace, order.key) == order
    assert list(context.queues.queues["seal_export"]) == [order.message]


@pytest.mark.parametrize("part", ["transit", "directory", "queues"])
def test_a_cancellation_that_stops_anywhere_can_be_repeated(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], part: str
) -> None:
    job = start(enable("ann"))
    named = {"OrganizationId": acme, "JobId": job, "ClientToken": "c"}
    caller.context = replace(context, **{part: ReadOnly(getattr(context, part))})
    caller.refused("ServiceUnavailable", Cancel, **named)
    caller.context = context
    order = end_order(export_trace(job), acme, job)
    is_ordered = context.transit.order(order.trace, order.key) is not None
    assert (state(caller, acme, job), is_ordered) == {
        "transit": ("RUNNING", False),
        "directory": ("RUNNING", True),
        "queues": ("CANCELLED", True),
    }[part]
    assert caller(Cancel, **named) == {}
    assert state(caller, acme, job) == "CANCELLED"
    assert context.transit.order(order.trace, order.key) == order


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (lambda job: replace(job, completing=True), "being completed"),
        (lambda job: job.end(JobState.COMPLETED, job.started), "COMPLETED"),
        (lambda job: job.end(JobState.FAILED, job.started, "why"), "FAILED"),
    ],
)
def test_a_job_that_is_nearly_complete_or_has_ended_cannot_be_cancelled(
    caller: Any,
    acme: str,
    enable: Callable[..., str],
    start: Callable[..., str],
    change: Callable[..., None],
    step: Callable[[MailboxExportJob], MailboxExportJob],
    said: str,
) -> None:
    job = start(enable("ann"))
    change(job, step)
    before = state(caller, acme, job)
    named = {"OrganizationId": acme, "JobId": job, "ClientToken": "c"}
    assert said in caller.refused("InvalidParameterException", Cancel, **named)
    assert state(caller, acme, job) == before


def test_a_cancellation_and_a_station_at_once_are_both_seen(
    caller: Any,
    context: Any,
    acme: str,
    enable: Callable[..., str],
    start: Callable[..., str],
    change: Callable[..., None],
) -> None:
    job = start(enable("ann"))
    commit = context.directory.commit

    def slower(changes: Any) -> None:
        context.directory.commit = commit
        change(job, lambda each: replace(each, upload_id="u"))
        commit(changes)

    context.directory.commit = slower
    caller(Cancel, OrganizationId=acme, JobId=job, ClientToken="c")
    found = context.directory.owned(MailboxExportJob, acme, job)
    assert (found.state, found.upload_id) == (JobState.CANCELLED, "u")
    with pytest.raises(ConflictError):
        commit([Replace(replace(found, version=found.version - 1, upload_id="late"))])


def test_a_job_of_another_organization_is_not_found(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    job = start(enable("ann"))
    other = caller("CreateOrganization", Alias="other", Domains=[{"DomainName": "example.net"}])["OrganizationId"]
    for organization, name in ((other, job), (acme, "unknown")):
        for operation, more in ((Describe, {}), (Cancel, {"ClientToken": "c"})):
            named = {"OrganizationId": organization, "JobId": name, **more}
            assert name in caller.refused("EntityNotFoundException", operation, **named)
    assert caller(List, OrganizationId=other) == {"Jobs": []}
    assert state(caller, acme, job) == "RUNNING"
