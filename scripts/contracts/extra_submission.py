"""SubmitRawMessage: sending a message as a user, which Amazon WorkMail leaves to mail clients.

Names are those of contracts that Postroom's own issue lists; limits are WorkMail's, and those of a call.
"""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import LINE, Shape, listed, structure, text

SHAPES: Final[dict[str, Shape]] = {
    "SubmittedMessage": {
        "type": "blob",
        "min": 1,
        "max": 4_194_304,
        "sensitive": True,
        "documentation": "A message (RFC 5322) of at most 4 MB. A larger one is named by S3Reference.",
    },
    "SubmittedAddress": text(3, 320, f"{LINE}+", "One address without a display name."),
    "SubmittedRecipientList": listed(1, 500, "SubmittedAddress"),
    "SubmittedObject": structure(
        "Bucket Key", Bucket="S3BucketName", Key="S3ObjectKey", ObjectVersion="S3ObjectVersion"
    ),
    "S3ObjectVersion": text(1, 1024, f"{LINE}+", "The version of an object; without it, the newest is read."),
    "SubmittedTraceId": {
        "type": "string",
        "documentation": "The traceId of the message's events, under which postroom trace shows what becomes of it.",
    },
    "SubmittedMessageId": {"type": "string", "documentation": "The value of the header field Message-ID."},
    "SubmitRawMessageRequest": structure(
        "OrganizationId UserId",
        OrganizationId="OrganizationId",
        UserId="EntityIdentifier",
        RawMessage="SubmittedMessage",
        S3Reference="SubmittedObject",
        Recipients="SubmittedRecipientList",
        SendAs="SubmittedAddress",
        OnBehalfOf="SubmittedAddress",
        ClientToken="IdempotencyClientToken",
    ),
    "SubmitRawMessageResponse": structure("", MessageId="SubmittedMessageId", TraceId="SubmittedTraceId"),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "SubmitRawMessage": (
        "Sends a message of a user. The copy in Sent Items and the acceptance are one step: after an answer the "
        "message is on its way. A repeated request with the same ClientToken is the same submission.",
        ("EntityNotFoundException", "EntityStateException", "LimitExceededException", "UnsupportedOperationException"),
    ),
}

LISTS: Final[dict[str, str]] = {}
"""Operations that answer pages: none."""
