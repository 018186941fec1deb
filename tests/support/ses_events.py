"""Events as SES's configuration sets publish them; the forms are those of SES's documented examples."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from postroom.contracts.ses_events import ORGANIZATION_TAG, TRACE_TAG

from .builders import ORG, TRACE

if TYPE_CHECKING:
    from collections.abc import Sequence

AT: Final = "2026-11-24T12:00:02.669Z"
SES_ID: Final = "0100017f-example-000000"
FEEDBACK_ID: Final = "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000"
UNKNOWN_USER: Final = {"action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"}


def event(kind: str, member: str, details: Any, *to: str, trace: str = TRACE, organization: str = ORG) -> str:
    mail = {
        "timestamp": "2026-11-24T12:00:00.500Z",
        "source": "ann@acme.test",
        "sourceArn": "arn:aws:ses:us-east-1:123456789012:identity/acme.test",
        "sendingAccountId": "123456789012",
        "messageId": SES_ID,
        "destination": list(to),
        "headersTruncated": False,
        "headers": [{"name": "From", "value": "ann@acme.test"}],
        "commonHeaders": {"from": ["ann@acme.test"], "messageId": SES_ID},
        "tags": {
            "ses:configuration-set": ["stack-ConfigurationSet"],
            TRACE_TAG: [trace],
            ORGANIZATION_TAG: [organization],
        },
    }
    return json.dumps({"eventType": kind, "mail": mail, member: details})


def bounce_event(*to: str, kind: str = "Permanent", sub_type: str = "General", said: Any = None, **more: str) -> str:
    details = {
        "bounceType": kind,
        "bounceSubType": sub_type,
        "bouncedRecipients": [{"emailAddress": each, **(UNKNOWN_USER if said is None else said)} for each in to],
        "timestamp": AT,
        "feedbackId": more.pop("feedback_id", FEEDBACK_ID),
        "reportingMTA": "dsn; mta.example.com",
    }
    return event("Bounce", "bounce", details, *to, **more)


def complaint_event(*to: str, kind: str | None = "abuse") -> str:
    details = {
        "userAgent": "ExampleCorp Feedback Loop (V0.01)",
        "complainedRecipients": [{"emailAddress": each} for each in to],
        "complaintFeedbackType": kind,
        "complaintSubType": None,
        "arrivalDate": AT,
        "timestamp": AT,
        "feedbackId": FEEDBACK_ID,
    }
    return event("Complaint", "complaint", {name: value for name, value in details.items() if value}, *to)


def delay_event(*to: str, at: str = AT, until: str | None = "2026-11-25T02:00:00.000Z", **more: str) -> str:
    said = {"status": "4.4.1", "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host"}
    details: dict[str, Any] = {
        "timestamp": at,
        "delayType": "TransientCommunicationFailure",
        "delayedRecipients": [{"emailAddress": each, **said} for each in to],
    }
    return event("DeliveryDelay", "deliveryDelay", details | ({"expirationTime": until} if until else {}), *to, **more)


def reject_event(to: Sequence[str], **more: str) -> str:
    return event("Reject", "reject", {"reason": "Bad content"}, *to, **more)
