"""Scenarios of mailbox exports: two messages are delivered, and their mailbox is exported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.bootstrap import parts
from postroom.bootstrap.settings import FlowSettings
from postroom.contracts.export_orders import PlanExportOrder, end_order
from postroom.model.exports import MailboxExportJob
from postroom.model.jobs import JobState
from postroom.model.records import Insert, Replace
from postroom.ports.transit import Commit
from tests.faults.exported import BUCKET, JOB, make_bucket, remove_bucket
from tests.faults.injector import OPERATOR
from tests.faults.organizations import acme
from tests.faults.plays import redrive_all
from tests.faults.scenario import Scenario, delivered
from tests.support.builders import ORG, arn

if TYPE_CHECKING:
    from postroom.contracts.orders import Order
    from tests.faults.harness import Harness

STATIONS: Final = ("plan_export", "pack_export", "seal_export")
FUNCTIONS: Final = frozenset({"ingest", "deliver", "park", *STATIONS})


def started(harness: Harness) -> MailboxExportJob:
    """Deliver two messages, and start the export of their mailbox as StartMailboxExportJob does."""
    for name in ("m1", "m2"):
        harness.arrive(name, "ann@acme.test")
    harness.pump()
    job = MailboxExportJob(
        organization_id=ORG,
        id=JOB,
        entity_id="ann",
        role_arn="arn:aws:iam::123456789012:role/export",
        external_id=arn(),
        key_arn=harness.pipeline.kms_key,
        bucket=BUCKET,
        prefix="exports",
        started=int(harness.clock.time() * 1000),
    )
    order = PlanExportOrder(trace=job.trace, organization_id=ORG, job_id=JOB)
    _commit(order)
    harness.pipeline.directory.commit([Insert(job)])
    _send(harness, order)
    return job


def exported(harness: Harness) -> None:
    """The mailbox is exported."""
    make_bucket()
    started(harness)
    harness.pump()


def cancelled(harness: Harness) -> None:
    """The export is cancelled when it is planned."""
    make_bucket()
    started(harness)
    harness.hand_out("PLAN_EXPORT_QUEUE_URL")
    found: Any = harness.pipeline.directory.owned(MailboxExportJob, ORG, JOB)
    order = end_order(found.trace, ORG, JOB)
    _commit(order)
    harness.pipeline.directory.commit([Replace(found.end(JobState.CANCELLED, found.started))])
    _send(harness, order)
    harness.pump()


def bucket_given_back(harness: Harness) -> None:
    """The bucket is missing until the order is parked; it is made, and an operator redrives the order."""
    make_bucket()
    remove_bucket()
    started(harness)
    harness.pump()
    make_bucket()
    redrive_all(harness)


def _commit(order: Order) -> None:
    parts.transit(FlowSettings.read()).commit(Commit(orders=[order]))


def _send(harness: Harness, order: Order) -> None:
    queue = f"{order.station.upper()}_QUEUE_URL"
    harness.stack.sqs.send_message(QueueUrl=harness.stack.environment[queue], MessageBody=order.message)


def _scenario(name: str, play: Any, *struck: str, state: JobState = JobState.COMPLETED) -> Scenario:
    return Scenario(
        name,
        play,
        frozenset(struck),
        {"m1": ("ann@acme.test",), "m2": ("ann@acme.test",)},
        (*delivered("m1", "ann"), *delivered("m2", "ann")),
        acme,
        functions=FUNCTIONS,
        exported=state.value,
    )


EXPORTS: Final[tuple[Scenario, ...]] = (
    _scenario("plan_export, pack_export, seal_export: a mailbox", exported, *STATIONS),
    _scenario("plan_export, pack_export, seal_export: cancelled", cancelled, *STATIONS, state=JobState.CANCELLED),
    _scenario("plan_export: a bucket that is given back", bucket_given_back, "plan_export", "park", OPERATOR),
)
