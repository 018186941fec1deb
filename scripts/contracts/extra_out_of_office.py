"""Out-of-office replies: users of Amazon WorkMail set them in its web application and in mail clients."""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import Shape, structure

USER: Final = {"OrganizationId": "OrganizationId", "UserId": "EntityIdentifier"}

TIMES: Final = {"StartTime": "Timestamp", "EndTime": "Timestamp"}

SHAPES: Final[dict[str, Shape]] = {
    "OutOfOfficeText": {
        "type": "string",
        "min": 1,
        "max": 8192,
        "pattern": r"[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]+",
        "sensitive": True,
        "documentation": "The text of the reply, for senders inside and outside the organization.",
    },
    "PutOutOfOfficeRequest": structure("OrganizationId UserId Text", **USER, Text="OutOfOfficeText", **TIMES),
    "PutOutOfOfficeResponse": structure(""),
    "GetOutOfOfficeRequest": structure("OrganizationId UserId", **USER),
    "GetOutOfOfficeResponse": structure(
        "", UserId="WorkMailIdentifier", Text="OutOfOfficeText", **TIMES, DateModified="Timestamp"
    ),
    "DeleteOutOfOfficeRequest": structure("OrganizationId UserId", **USER),
    "DeleteOutOfOfficeResponse": structure(""),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "PutOutOfOffice": (
        "Sets or replaces the out-of-office reply of an enabled user. It is sent from StartTime (without it, from now "
        "on) until EndTime (without it, until the reply is deleted), at most once a day to each sender.",
        ("EntityNotFoundException", "EntityStateException"),
    ),
    "GetOutOfOffice": (
        "Returns the out-of-office reply of a user, also before and after its time.",
        ("EntityNotFoundException", "ResourceNotFoundException"),
    ),
    "DeleteOutOfOffice": (
        "Deletes the out-of-office reply of a user. A user without one is no error.",
        ("EntityNotFoundException",),
    ),
}

LISTS: Final[dict[str, str]] = {}
"""Operations that answer pages: none."""
