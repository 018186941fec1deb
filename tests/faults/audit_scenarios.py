"""Scenarios of audit records: deliveries of mail that are audited in a log group, a bucket and a Firehose stream."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from postroom.model.audit_deliveries import AuditLogDelivery, DestinationKind, LogType
from postroom.model.records import Insert
from tests.faults.injector import OPERATOR
from tests.faults.organizations import acme
from tests.faults.plays import redrive_all
from tests.faults.scenario import GROUP_ENDS, PROJECTED, Scenario, to
from tests.support.audit_targets import Targets, delivery_to
from tests.support.builders import ORG

if TYPE_CHECKING:
    from tests.faults.harness import Harness
    from tests.support.pipeline import Pipeline

AUDITED: Final = PROJECTED | {"write_audit_log"}
WRITER: Final = frozenset({"write_audit_log"})
STREAM: Final = DestinationKind.FIREHOSE


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
)
