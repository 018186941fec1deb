"""Scenarios of audit records: deliveries of mail that are audited in a log group, a bucket and a Firehose stream."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import boto3

from postroom.model.audit_deliveries import AuditLogDelivery, DestinationKind, LogType
from postroom.model.records import Insert
from tests.faults.injector import OPERATOR
from tests.faults.organizations import acme
from tests.faults.plays import redrive_all
from tests.faults.scenario import GROUP_ENDS, PROJECTED, Scenario, delivered, to
from tests.support.audit_targets import Targets, delivery_to
from tests.support.builders import ORG

if TYPE_CHECKING:
    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

AUDITED: Final = PROJECTED | {"write_audit_log"}
WRITER: Final = frozenset({"write_audit_log"})
STREAM: Final = DestinationKind.FIREHOSE
DIGESTS: Final = "write_audit_digests"


def audited(pipeline: Pipeline) -> None:
    """As acme, with three deliveries of mailbox access."""
    acme(pipeline)
    os.environ["AUDIT_SETTINGS_CACHE_S"] = "900"  # longer than any run takes: each makes the same calls
    for kind in DestinationKind:
        made = delivery_to(kind, id=kind.value.lower(), log_type=LogType.MAILBOX_ACCESS)
        delivery = AuditLogDelivery(organization_id=ORG, delivery=made, created=1, modified=1)
        pipeline.directory.commit([Insert(delivery)])


def audited_delivery(harness: Harness) -> None:
    """A message for a group arrives, and all destinations are there."""
    Targets(0).make_anew()
    harness.arrive("m1", "group@acme.test")
    harness.pump()


def destination_repaired(harness: Harness) -> None:
    """The stream is missing until its records are parked; it is made, and an operator redrives them."""
    targets = Targets(0)
    targets.make_anew()
    targets.remove(STREAM)
    harness.arrive("m1", "group@acme.test")
    harness.pump()
    targets.make_stream()
    redrive_all(harness)


def proved(pipeline: Pipeline) -> None:
    """As audited, with a key that signs digests."""
    audited(pipeline)
    key = boto3.client("kms").create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
    os.environ["AUDIT_SIGNING_KEY_ARN"] = key["Arn"]


def digests_of_two_hours(harness: Harness) -> None:
    """A message is delivered in the first hour, another one in the second; digests are written after each.

    The first hour has begun five minutes ago, so that each run makes the same calls. It is in the past, because
    CloudWatch Logs takes no events that are more than two hours ahead.
    """
    Targets(0).make_anew()
    harness.hours(-4 - harness.clock.time() % 3600 / 3600 + 1 / 12)
    for name, recipient in (("m1", "group@acme.test"), ("m2", "ann@acme.test")):
        harness.arrive(name, recipient)
        harness.pump()
        harness.hours(1.5 if name == "m1" else 1)
        harness.schedule(DIGESTS)
    harness.schedule(DIGESTS, spared=True)  # the next hour's run does what the last one has left


AUDITS: Final[tuple[Scenario, ...]] = (
    Scenario(
        "record_events: deliveries that are audited",
        audited_delivery,
        frozenset({"record_events"}),
        to("group@acme.test"),
        GROUP_ENDS,
        audited,
        functions=AUDITED,
        audited=True,
    ),
    Scenario(
        "write_audit_log: deliveries in three destinations",
        audited_delivery,
        WRITER,
        to("group@acme.test"),
        GROUP_ENDS,
        audited,
        functions=AUDITED,
        audited=True,
    ),
    Scenario(
        "write_audit_log: a stream that is missing until an operator redrives",
        destination_repaired,
        WRITER | {"park", OPERATOR},
        to("group@acme.test"),
        GROUP_ENDS,
        audited,
        functions=AUDITED,
        audited=True,
    ),
    Scenario(
        "write_audit_digests: two hours of a bucket",
        digests_of_two_hours,
        frozenset({DIGESTS}),
        {"m1": ("group@acme.test",), "m2": ("ann@acme.test",)},
        (*GROUP_ENDS, *delivered("m2", "ann")),
        proved,
        functions=AUDITED | {DIGESTS},
        audited=True,
    ),
)
