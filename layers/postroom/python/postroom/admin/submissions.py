"""SubmitRawMessage: a message is sent as a user. Ours; Amazon WorkMail leaves sending to mail clients.

The function submit accepts the message: it has the keys of mailboxes, which the API has not. Errors are a table over
its refusals (docs/parity.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postroom.admin import lookup
from postroom.contracts.admin.exceptions import (
    EntityStateException,
    InvalidParameterException,
    LimitExceededException,
    UnsupportedOperationException,
)
from postroom.contracts.message_flow import S3Reference
from postroom.errors import SubmissionRefusedError
from postroom.model.directory import EntityKind
from postroom.submission.submission import Protocols, Refusal, Submission

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.admin.context import Context
    from postroom.contracts.admin.exceptions import WorkMailError
    from postroom.contracts.admin.models import requests

ERRORS: Final[Mapping[str, type[WorkMailError]]] = {
    Refusal.NOT_ENABLED: EntityStateException,
    Refusal.NOT_ALLOWED: UnsupportedOperationException,
    Refusal.QUOTA_EXCEEDED: LimitExceededException,
    Refusal.MAILBOX_FULL: LimitExceededException,
    Refusal.TOO_MANY_RECIPIENTS: LimitExceededException,
    Refusal.TOO_MANY_ATTACHMENTS: LimitExceededException,
    Refusal.TOO_LARGE: LimitExceededException,
}
"""Errors by refusal; every other refusal is InvalidParameterException. Ours."""


def submit(context: Context, request: requests.SubmitRawMessageRequest, _now: int) -> dict[str, Any]:
    """Send a message of a user; it is on its way, and in Sent Items, when this returns."""
    organization = lookup.organization(context, request["OrganizationId"])
    user = lookup.not_deleted(lookup.entity(context, organization.id, request["UserId"], EntityKind.USER))
    content, place = request.get("RawMessage"), request.get("S3Reference")
    if (content is None) == (place is None):
        raise InvalidParameterException("Give either RawMessage or S3Reference.")
    submission = Submission(
        organization_id=organization.id,
        user_id=user.id,
        content=content or b"",
        token=f"API:{request.get('ClientToken') or context.new_uuid()}",
        protocol=Protocols.API,
        recipients=tuple(request.get("Recipients", ())),
        send_as=request.get("SendAs", ""),
        on_behalf_of=request.get("OnBehalfOf", ""),
        source_ip=context.call.source_ip,
        user_agent=context.call.user_agent,
    )
    try:
        if place is None:
            done = context.submits.submit(submission)
        else:
            reference = S3Reference(place["Bucket"], place["Key"], place.get("ObjectVersion"))
            done = context.submits.submit_object(submission, reference)
    except SubmissionRefusedError as error:
        raise ERRORS.get(error.reason, InvalidParameterException)(_sentence(str(error))) from error
    return {"MessageId": done.message_id, "TraceId": done.trace}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:].removesuffix('.')}."
