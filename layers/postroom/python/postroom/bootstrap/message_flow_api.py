"""Wiring of functions/message_flow_api."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.customer_objects import S3CustomerObjects
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import audit_parts, directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import AuditTrailSettings, DirectorySettings, FlowSettings, TimedSettings
from postroom.message_flow import trail
from postroom.message_flow.messages import MessageFlow
from postroom.model.audit_targets import Place
from postroom.model.limits import MESSAGE_FLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from postroom.message_flow.api import Answered
    from postroom.ports.audit_trail import AuditTrail


class MessageFlowApiSettings(DirectorySettings, FlowSettings, AuditTrailSettings, TimedSettings):
    account_id: str
    inbound_bucket: str
    mail_bucket: str


@ready
def build(settings: MessageFlowApiSettings) -> Callable[[Mapping[str, Any], str], Answered]:
    """Return the function that answers an event, given the invocation's own request id."""
    s3 = clients.s3()
    flow = MessageFlow(
        owners=directory_parts.owners(settings),
        ledger=parts.ledger(settings),
        raw=S3RawMail(s3, settings.inbound_bucket),
        transit=parts.transit(settings),
        objects=S3CustomerObjects(
            s3,
            account=settings.account_id,
            region=s3.meta.region_name,
            own=frozenset({settings.inbound_bucket, settings.mail_bucket}),
        ),
        now=now_ms,
        available_ms=settings.shortened_ms(MESSAGE_FLOW_SECONDS * 1000),
    )
    place = Place(s3.meta.partition, s3.meta.region_name, settings.account_id)
    return partial(_answer, flow, audit_parts.trail(settings), place)


def _answer(
    flow: MessageFlow, records: AuditTrail, place: Place, event: Mapping[str, Any], request_id: str
) -> Answered:
    return trail.answer(event, flow, records, place, now=now_ms(), request_id=request_id)
