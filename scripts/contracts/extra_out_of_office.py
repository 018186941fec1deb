"""Out-of-office replies: users of Amazon WorkMail set them in its web application and in mail clients."""

from __future__ import annotations

from typing import Final

from contracts.shape_forms import Shape, structure

USER: Final = {"OrganizationId": "OrganizationId", "UserId": "EntityIdentifier"}

TIMES: Final = {"StartTime": "Timestamp", "EndTime": "Timestamp"}

TEXTS: Final = {"Text": "OutOfOfficeText", "ExternalText": "OutOfOfficeText", "ExternalAudience": "OutOfOfficeAudience"}

SHAPES: Final[dict[str, Shape]] = {
    "OutOfOfficeText": {
        "type": "string",
        "min": 1,
        "max": 65536,
        "pattern": r"[^\x00-\x08\x0B\x0C\x0E-\x1F\x7F]+",
        "sensitive": True,
        "documentation": "A text for senders, at most 64 KB in UTF-8. One with a tag of HTML is HTML.",
    },
    "OutOfOfficeAudience": {
        "type": "string",
        "enum": ["NONE", "KNOWN", "ALL"],
        "documentation": "Which senders outside the organization get a reply; KNOWN is none as long as mailboxes have "
        "no contacts.",
    },
    "OutOfOfficeState": {"type": "string", "enum": ["DISABLED", "ENABLED", "SCHEDULED"]},
    "PutOutOfOfficeRequest": structure("OrganizationId UserId Text", **USER, **TEXTS, **TIMES),
    "PutOutOfOfficeResponse": structure(""),
    "GetOutOfOfficeRequest": structure("OrganizationId UserId", **USER),
    "GetOutOfOfficeResponse": structure(
        "", UserId="WorkMailIdentifier", State="OutOfOfficeState", **TEXTS, **TIMES, DateModified="Timestamp"
    ),
    "DeleteOutOfOfficeRequest": structure("OrganizationId UserId", **USER),
    "DeleteOutOfOfficeResponse": structure(""),
}

OPERATIONS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "PutOutOfOffice": (
        "Sets or replaces the out-of-office reply of an enabled user. It is sent from StartTime (without it, from now "
        "on) until EndTime (without it, until the reply is deleted), at most once a day to each sender. Text is for "
        "senders of the organization; senders outside get ExternalText (without it, Text too) if they are of the "
        "ExternalAudience (without it, ALL).",
        ("EntityNotFoundException", "EntityStateException"),
    ),
    "GetOutOfOffice": (
        "Returns the out-of-office reply of a user, also before and after its time, and one that a mail client has "
        "disabled. A text that is empty is left out.",
        ("EntityNotFoundException", "ResourceNotFoundException"),
    ),
    "DeleteOutOfOffice": (
        "Deletes the out-of-office reply of a user. A user without one is no error.",
        ("EntityNotFoundException",),
    ),
}

LISTS: Final[dict[str, str]] = {}
"""Operations that answer pages: none."""
