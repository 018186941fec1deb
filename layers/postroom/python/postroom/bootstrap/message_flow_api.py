"""Wiring of functions/message_flow_api."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from postroom.adapters.aws import clients
from postroom.adapters.aws.customer_objects import S3CustomerObjects
from postroom.adapters.aws.message_contents import DynamoMessageContents
from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.bootstrap import directory_parts, parts, ready
from postroom.bootstrap.environment import Environment, now_ms
from postroom.message_flow import api
from postroom.message_flow.messages import MessageFlow
from postroom.model.limits import MESSAGE_FLOW_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


@ready
def build(settings: Environment | None = None) -> Callable[[Mapping[str, Any], str], api.Answered]:
    """Return what answers an event, given the invocation's own request id."""
    settings = settings or Environment()
    s3 = clients.s3()
    flow = MessageFlow(
        owners=directory_parts.owners(settings),
        ledger=parts.ledger(settings),
        raw=S3RawMail(s3, settings["INBOUND_BUCKET"]),
        contents=DynamoMessageContents(clients.dynamodb(), settings["TRANSIT_TABLE"], settings["LEDGER_TABLE"], now_ms),
        objects=S3CustomerObjects(
            s3,
            account=settings["ACCOUNT_ID"],
            region=s3.meta.region_name,
            own=frozenset({settings["INBOUND_BUCKET"], settings["MAIL_BUCKET"]}),
        ),
        now=now_ms,
        available_ms=settings.sooner(MESSAGE_FLOW_SECONDS) * 1000,
    )
    return partial(_answer, flow)


def _answer(flow: MessageFlow, event: Mapping[str, Any], request_id: str) -> api.Answered:
    return api.answer(event, flow, request_id=request_id)
