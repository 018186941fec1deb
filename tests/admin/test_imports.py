"""Mailbox import jobs: how they start, what they say, and how they are cancelled."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from postroom.contracts.import_orders import ImportOrder
from postroom.model import consent
from postroom.model.imports import MAX_ARCHIVE_BYTES, ImportCounts, MailboxImportJob, import_trace
from postroom.model.jobs import MAX_RUNNING, JobState
from postroom.model.limits import DAY_MS
from postroom.model.records import Replace
from postroom.model.role_trust import statement
from postroom.ports.export_checks import BucketFacts
from postroom.ports.import_sources import ObjectFacts
from tests.admin.conftest import IMPORT_ROLE
from tests.admin.test_exports import ReadOnly

if TYPE_CHECKING:
    from collections.abc import Callable

Start, Cancel = "StartMailboxImportJob", "CancelMailboxImportJob"
Describe, List = "DescribeMailboxImportJob", "ListMailboxImportJobs"

ROLE = "arn:aws:iam::123456789012:role/WorkmailMailboxImportRole"
FROM: dict[str, Any] = {"RoleArn": ROLE, "S3BucketName": "bring-in", "S3Key": "mail/a.zip"}


@pytest.fixture(autouse=True)
def account(context: Any, acme: str) -> None:
    """An account with a role, a bucket and an archive that an import may use."""
    arn = context.directory.organization(acme).arn
    context.log_targets.roles[ROLE] = {"Statement": [statement([IMPORT_ROLE], arn)]}
    context.log_targets.tags[ROLE] = {consent.MAILBOX_IMPORT: acme}
    context.export_buckets.buckets["bring-in"] = BucketFacts("us-east-1", public="its policy is public")
    context.import_objects.objects["bring-in", "mail/a.zip"] = b"an archive"


@pytest.fixture
def start(caller: Any, acme: str) -> Callable[..., str]:
    """Start a job for an entity and return its id."""

    def make(entity: str, **changes: Any) -> str:
        request = {"OrganizationId": acme, "EntityId": entity, "ClientToken": f"token-{caller.now}", **FROM, **changes}
        made: str = caller(Start, **request)["JobId"]
        return made

    return make


@pytest.fixture
def change(context: Any, acme: str) -> Callable[..., None]:
    """Change a job as its station does."""

    def make(job_id: str, make_next: Callable[[MailboxImportJob], MailboxImportJob]) -> None:
        job = context.directory.owned(MailboxImportJob, acme, job_id)
        context.directory.commit([Replace(make_next(job))])

    return make


def test_a_job_begins_with_its_order(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    made = start("ann@example.com", Description="from the old system")
    described = {
        "EntityId": ann,
        "Description": "from the old system",
        "S3BucketName": "bring-in",
        "S3Key": "mail/a.zip",
        "EstimatedProgress": 0,
        "ItemsEntered": 0,
        "ItemsThereBefore": 0,
        "ItemsSkipped": 0,
        "State": "RUNNING",
        "StartTime": caller.now / 1000,
    }
    assert caller(Describe, OrganizationId=acme, JobId=made) == {**described, "RoleArn": ROLE}
    assert caller(List, OrganizationId=acme) == {"Jobs": [{"JobId": made, **described}]}
    (order,) = context.transit.open_orders(import_trace(made))
    assert order == ImportOrder(trace=import_trace(made), organization_id=acme, job_id=made)
    assert list(context.queues.queues["import_mailbox"]) == [order.message]
    job = context.directory.owned(MailboxImportJob, acme, made)
    assert job.external_id == context.directory.organization(acme).arn
    assert job.etag == context.import_objects.find("bring-in", "mail/a.zip").etag


def test_the_same_token_starts_one_job(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    ann = enable("ann")
    assert start(ann, ClientToken="t") == start(ann, ClientToken="t")
    caller.refused("InvalidParameterException", Start, OrganizationId=acme, EntityId="bob", ClientToken="t", **FROM)
    assert len(caller(List, OrganizationId=acme)["Jobs"]) == 1


@pytest.mark.parametrize("part", ["transit", "directory", "queues"])
def test_a_start_that_stops_anywhere_leaves_a_job_with_its_order_or_none(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], part: str
) -> None:
    named = {"OrganizationId": acme, "EntityId": enable("ann"), "ClientToken": "t", **FROM}
    caller.context = replace(context, **{part: ReadOnly(getattr(context, part))})
    caller.refused("ServiceUnavailable", Start, **named)
    caller.context = context
    made = caller(Start, **named)["JobId"]
    assert [job["JobId"] for job in caller(List, OrganizationId=acme)["Jobs"]] == [made]
    assert len(list(context.transit.open_orders(import_trace(made)))) == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"RoleArn": ROLE + "2"}, "RoleArn: there is no role"),
        ({"S3BucketName": "nowhere"}, "there is no bucket nowhere"),
        ({"S3BucketName": "abroad"}, "is in Region eu-west-1"),
        ({"S3BucketName": "foreign"}, "does not belong to account 123456789012"),
        ({"S3Key": "mail/b.zip"}, "S3Key: there is no object mail/b.zip in bucket bring-in"),
    ],
)
def test_what_is_wrong_with_role_bucket_and_object_is_named(
    caller: Any, context: Any, acme: str, enable: Callable[..., str], changes: dict[str, Any], said: str
) -> None:
    context.export_buckets.buckets["abroad"] = BucketFacts("eu-west-1")
    context.export_buckets.buckets["foreign"] = BucketFacts("us-east-1", readable=False)
    named = {"OrganizationId": acme, "EntityId": enable("ann"), "ClientToken": "t", **FROM, **changes}
    assert said in caller.refused("InvalidParameterException", Start, **named)
    assert caller(List, OrganizationId=acme) == {"Jobs": []}


def test_a_role_that_trusts_the_stations_of_exports_only_is_refused(
    caller: Any, context: Any, acme: str, enable: Callable[..., str]
) -> None:
    arn = context.directory.organization(acme).arn
    context.log_targets.roles[ROLE] = {"Statement": [statement(["arn:aws:iam::123456789012:role/plan"], arn)]}
    named = {"OrganizationId": acme, "EntityId": enable("ann"), "ClientToken": "t", **FROM}
    assert f"{IMPORT_ROLE} must be able to assume it" in caller.refused("InvalidParameterException", Start, **named)


def test_an_archive_that_is_too_large_for_a_job_is_refused(
    caller: Any, context: Any, acme: str, enable: Callable[..., str]
) -> None:
    class Large:
        def find(self, *_: str) -> ObjectFacts:
            return ObjectFacts(MAX_ARCHIVE_BYTES + 1, '"e"')

    caller.context = replace(context, import_objects=Large())
    named = {"OrganizationId": acme, "EntityId": enable("ann"), "ClientToken": "t", **FROM}
    assert "at most 10240 MB" in caller.refused("InvalidParameterException", Start, **named)


def test_one_job_of_a_mailbox_and_ten_of_an_organization_run_at_once(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None]
) -> None:
    jobs = [start(enable(f"user{number}"), ClientToken=f"{number}") for number in range(MAX_RUNNING)]
    named = {"OrganizationId": acme, "ClientToken": "t", **FROM}
    text = caller.refused("LimitExceededException", Start, EntityId="user0@example.com", **named)
    assert f"Job {jobs[0]}" in text
    other = enable("other")
    assert "At most 10" in caller.refused("LimitExceededException", Start, EntityId=other, **named)
    change(jobs[0], lambda job: job.end(JobState.FAILED, job.started + 1, "the mailbox is full"))
    assert start("user0@example.com", ClientToken="again")


def test_a_job_says_how_far_it_is_and_why_it_failed(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str], change: Callable[..., None]
) -> None:
    made = start(enable("ann"))
    change(made, lambda job: job.at(120, ImportCounts(3, 2, 1)))
    found = caller(Describe, OrganizationId=acme, JobId=made)
    assert [found[name] for name in ("EstimatedProgress", "ItemsEntered", "ItemsThereBefore", "ItemsSkipped")] == [
        99,
        3,
        2,
        1,
    ]
    change(made, lambda job: job.end(JobState.FAILED, job.started + 5_000, "e" * 2000))
    found = caller(Describe, OrganizationId=acme, JobId=made)
    assert (found["State"], len(found["ErrorInfo"])) == ("FAILED", 1024)
    assert found["EndTime"] - found["StartTime"] == 5
    assert "cannot be cancelled" in caller.refused("InvalidParameterException", Cancel, OrganizationId=acme, JobId=made)


def test_a_running_job_is_cancelled_once_and_again(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    made = start(enable("ann"))
    for _ in range(2):
        assert caller(Cancel, OrganizationId=acme, JobId=made) == {}
    found = caller(Describe, OrganizationId=acme, JobId=made)
    assert found["State"] == "CANCELLED"
    assert found["EndTime"] > found["StartTime"]


def test_jobs_of_seven_days_are_listed(
    caller: Any, acme: str, enable: Callable[..., str], start: Callable[..., str]
) -> None:
    made = start(enable("ann"))
    caller.now += 7 * DAY_MS
    assert caller(List, OrganizationId=acme) == {"Jobs": []}
    assert caller(Describe, OrganizationId=acme, JobId=made)["State"] == "RUNNING"
