"""Makes facts, orders, expansions and notifications of SES for tests."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.expansions import Expansion
from postroom.contracts.journal_orders import JournalFailure, JournalOrder
from postroom.contracts.orders import (
    BounceOrder,
    CalendarOrder,
    DeliveryOrder,
    OrderKind,
    RawLocation,
    RuleCall,
)
from postroom.contracts.outbound_orders import TransmitOrder
from postroom.contracts.provider_calls import ProviderCall
from postroom.model.facts import RECEIVED, EventName, Fact, OwnFact, provider_trace
from postroom.model.rules import ActionType, Direction
from postroom.model.timestamps import timestamp
from postroom.ports.parked import Parked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ORG: Final = "m-" + "a" * 32
OTHER: Final = "m-" + "b" * 32
NOON: Final = 1_795_521_600_000
"""2026-11-24, noon UTC, in milliseconds since the epoch."""

TRACE: Final = "f" * 32


def arn(organization_id: str = ORG) -> str:
    return f"arn:aws:workmail:us-east-1:123456789012:organization/{organization_id}"


def order(mailbox_id: str = "ann", trace: str = TRACE, **changes: Any) -> DeliveryOrder:
    made = DeliveryOrder(
        kind=OrderKind.MAIL,
        trace=trace,
        organization_id=ORG,
        mailbox_id=mailbox_id,
        recipient=f"{mailbox_id}@acme.test",
        delivered_to=f"{mailbox_id}@acme.test",
        envelope_from="bob@example.org",
        folder="INBOX",
        raw=RawLocation(bucket="inbound-bucket", key="inbound/1"),
        size=100,
        received_at=NOON,
    )
    return made.model_copy(update=changes)


def bounce(name: str = "nobody@acme.test", trace: str = TRACE) -> BounceOrder:
    return BounceOrder(trace=trace, organization_id=ORG, name=name, since=NOON)


def provider_call(**changes: Any) -> ProviderCall:
    made = ProviderCall(
        trace=provider_trace("1"),
        organization_id=ORG,
        request_id="request-1",
        organization_arn=arn(),
        user_id="ann",
        type="LAMBDA",
        domain="example.org",
        target=FUNCTION,
        mailboxes=2,
        since=NOON,
    )
    return made.model_copy(update=changes)


def calendar_order(mailbox_id: str = "ann", trace: str = TRACE) -> CalendarOrder:
    return CalendarOrder(
        trace=trace,
        organization_id=ORG,
        mailbox_id=mailbox_id,
        recipient=f"{mailbox_id}@acme.test",
        delivered_to="group@acme.test",
        envelope_from="bob@example.org",
        raw=RawLocation(bucket="inbound-bucket", key="inbound/1"),
        size=100,
        received_at=NOON,
    )


FUNCTION: Final = "arn:aws:lambda:us-east-1:123456789012:function:tag-subjects"


def call(**changes: Any) -> RuleCall:
    fields: dict[str, Any] = {
        "trace": TRACE,
        "organization_id": ORG,
        "rule_id": "r-1",
        "rules_version": 3,
        "rule_name": "tag subjects",
        "direction": Direction.INBOUND,
        "function_arn": FUNCTION,
        "synchronous": True,
        "fallback": ActionType.DEFAULT,
        "timeout_minutes": 5,
        "mail_from": "from@example.com",
        "sender": None,
        "subject": "Hello",
        "recipients": ("ann@acme.test",),
        "others": (),
        "spam": False,
        "envelope_from": "bounces@example.com",
        "raw": RawLocation(bucket="inbound-bucket", key="inbound/m1"),
        "size": 1000,
        "received_at": NOON,
        "since": NOON,
    }
    return RuleCall(**fields | changes)


def received(trace: str = TRACE, organization_id: str = ORG, **event: Any) -> Fact:
    return Fact(trace, organization_id, EventName.ORGANIZATION_EMAIL_RECEIVED, RECEIVED, NOON, event, {"size": 1})


def own(name: OwnFact, key: str, trace: str = TRACE) -> Fact:
    return Fact(trace, ORG, name, key, NOON + 1, {}, {"what": key})


def delivered(mailbox_id: str = "ann", trace: str = TRACE) -> Fact:
    name = EventName.MAILBOX_EMAIL_DELIVERED
    return Fact(trace, ORG, name, f"{name}:{mailbox_id}", NOON + 2, {"recipient": mailbox_id}, {})


def expansion(chunks: int = 3, trace: str = TRACE, done: int = 0) -> Expansion:
    plan = RawLocation(bucket="inbound-bucket", key=f"transit/{trace}/plan")
    return Expansion(trace=trace, organization_id=ORG, plan=plan, chunks=chunks, done=done, notification="{}")


def parked(key: str, trace: str = TRACE, parkings: int = 1, body: str = "{}", station: str = "deliver") -> Parked:
    return Parked(trace, key, ORG, station, "because", NOON, parkings, body)


def notification(
    message_id: str,
    recipients: Sequence[str],
    *,
    source: str = "bob@example.org",
    bucket: str = "inbound-bucket",
    verdicts: Mapping[str, str] | None = None,
    at: int = NOON,
    **receipt: Any,
) -> str:
    """Return SES's notification; ``verdicts`` by SES's names without ``Verdict``, PASS where not given.

    ``at`` is when SES received the message, in milliseconds since the epoch.
    """
    when = timestamp(at)
    statuses = dict.fromkeys(("spam", "virus", "spf", "dkim", "dmarc"), "PASS") | dict(verdicts or {})
    return json.dumps(
        {
            "notificationType": "Received",
            "mail": {
                "messageId": message_id,
                "timestamp": when,
                "source": source,
                "destination": ["somebody.else@example.net"],
                "headersTruncated": False,
                "headers": [],
                "commonHeaders": {},
            },
            "receipt": {
                "timestamp": when,
                "processingTimeMillis": 42,
                "recipients": list(recipients),
                "action": {
                    "type": "S3",
                    "topicArn": "arn:aws:sns:us-east-1:123456789012:inbound",
                    "bucketName": bucket,
                    "objectKeyPrefix": "inbound/",
                    "objectKey": f"inbound/{message_id}",
                },
                **{f"{name}Verdict": {"status": status} for name, status in statuses.items()},
                **receipt,
            },
        }
    )


def submission_event(content: bytes, *recipients: str, **changes: Any) -> dict[str, Any]:
    """Return an event of submit: a message of Ann's, as the API hands it over."""
    fields = {"organization_id": ORG, "user_id": "ann", "token": "t", "protocol": "API"}
    return {**fields, "content": base64.b64encode(content).decode(), "recipients": list(recipients), **changes}


def transmission(*recipients: str, **changes: Any) -> TransmitOrder:
    """Return an order to transmit by SES, to bob@example.org unless recipients are given."""
    made = TransmitOrder(
        trace=TRACE,
        organization_id=ORG,
        name="ses:1",
        envelope_from="ann@acme.test",
        recipients=recipients or ("bob@example.org",),
        message_id="<1@acme.test>",
        author="ann@acme.test",
        raw=RawLocation(bucket="inbound-bucket", key=f"transit/{TRACE}/submitted"),
        size=100,
        since=NOON,
    )
    return made.model_copy(update=changes)


def journal(failure: str = "", **changes: Any) -> JournalOrder:
    """Return an order to report to journal@archive.example; with a failure, the order of its notice."""
    made = JournalOrder(
        trace=TRACE,
        organization_id=ORG,
        address="journal@archive.example",
        report_address="admin@elsewhere.example",
        author="amazonjournaling@acme.test",
        submitted=True,
        envelope_from="ann@acme.test",
        recipients=("bob@example.org",),
        domains=(),
        raw=RawLocation(bucket="inbound-bucket", key=f"transit/{TRACE}/submitted"),
        size=100,
        since=NOON,
        failure=JournalFailure(status="5.1.1", reason=failure, at=NOON) if failure else None,
    )
    return made.model_copy(update=changes)
