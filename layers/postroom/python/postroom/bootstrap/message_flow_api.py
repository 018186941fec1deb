"""Wiring of functions/message_flow_api."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.function_roles import LambdaFunctionRoles
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import audit_parts, content_parts, directory_parts, parts, ready
from postroom.bootstrap.clock import now_ms
from postroom.bootstrap.settings import AuditTrailSettings, DirectorySettings, FlowSettings, TimedSettings
from postroom.message_flow import trail
from postroom.message_flow.callers import Callers
from postroom.message_flow.messages import MessageFlow
from postroom.model.audit_targets import Place
from postroom.model.limits import MESSAGE_FLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from postroom.message_flow.api import Answered
    from postroom.model.principals import Principals
    from postroom.ports.audit_trail import AuditTrail


class MessageFlowApiSettings(
    DirectorySettings, FlowSettings, AuditTrailSettings, TimedSettings, content_parts.ContentSettings
):
    message_flow_principals: Principals


@ready
def build(settings: MessageFlowApiSettings) -> Callable[[Mapping[str, Any], str], Answered]:
    """Return the function that answers an event, given the invocation's own request id."""
    s3 = clients.s3()
    place = Place(s3.meta.partition, s3.meta.region_name, settings.account_id)
    ledger, transit = parts.ledger(settings), parts.transit(settings)
    roles = LambdaFunctionRoles(clients.later(clients.function_policies), time.monotonic)
    flow = MessageFlow(
        callers=Callers(settings.message_flow_principals, transit, ledger, roles),
        owners=directory_parts.owners(settings),
        ledger=ledger,
        raw=S3RawMail(s3, settings.inbound_bucket),
        transit=transit,
        objects=content_parts.objects(settings, s3, place),
        now=now_ms,
        available_ms=settings.shortened_ms(MESSAGE_FLOW_SECONDS * 1000),
    )
    return partial(_answer, flow, audit_parts.trail(settings), place)


def _answer(
    flow: MessageFlow, records: AuditTrail, place: Place, event: Mapping[str, Any], request_id: str
) -> Answered:
    return trail.answer(event, flow, records, place, now=now_ms(), request_id=request_id)
