"""The event for a custom availability provider (CAP), which is a customer's Lambda function, and the function's answer.

Source: guide, "Building a custom availability provider Lambda function" (ZH:3046-3236); its example is not valid JSON
and leaves MAY out (docs/parity.md). ``schemas/cap-*.schema.json`` are written from the schemas here; an answer is
checked against the same one.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from postroom.errors import InvalidAvailabilityError
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS
from postroom.model.free_busy import (
    MAX_TEXT_CHARACTERS,
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    InstanceType,
    MailboxAvailability,
    MailboxFailure,
    Weekday,
    WorkingHours,
    WorkingPeriod,
    Zone,
    ZoneChange,
    in_order,
)
from postroom.model.xml_text import legal_in_xml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jsonschema.protocols import Validator

    from postroom.model.free_busy import MailboxResult, Requester

MAX_ANSWER_BYTES: Final = 1 << 20
"""Largest answer, in bytes of UTF-8 JSON. Ours: about 5,000 events with details; Lambda would pass on 6 MB."""

MAX_PERIODS: Final = 100
"""Most working periods of a mailbox, and most days of one period. Ours."""

MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKS: Final = ("FIRST", "SECOND", "THIRD", "FOURTH", "LAST")
DAYS: Final = tuple(day.value for day in Weekday)

ERRORS: Final[Mapping[str, FailureCode]] = {
    "MailboxNotFound": FailureCode.MAIL_RECIPIENT_NOT_FOUND,
    **{
        code.value: code
        for code in (
            FailureCode.AVAILABILITY_CONFIG_NOT_FOUND,
            FailureCode.SERVER_BUSY,
            FailureCode.TIMEOUT_EXPIRED,
            FailureCode.FREE_BUSY_GENERATION_FAILED,
            FailureCode.RESPONSE_SCHEMA_VALIDATION,
        )
    },
}
"""EWS codes of the errors that a function may answer; every other text is ErrorFreeBusyGenerationFailed (ZH:3224)."""

PROVIDERS_ERROR: Final = "the provider answered with an error for this mailbox"
"""Message of a mailbox that fails though the answer is as documented; every other failure is a fault of the answer."""

Schema = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TIME: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}([.][0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"


def _structure(required: str, optional: Mapping[str, Schema] | None = None, /, **members: Schema) -> Schema:
    """Return the schema of an object. Members of the function's own are allowed."""
    return {"type": "object", "required": required.split(), "properties": {**members, **(optional or {})}}


def _one_of(*values: str) -> Schema:
    return {"type": "string", "enum": list(values)}


def _minutes(least: int, most: int) -> Schema:
    return {"type": "integer", "minimum": least, "maximum": most}


def _listed(member: Schema) -> Schema:
    return {"type": "array", "items": member}


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


_TEXT: Final[Schema] = {"type": "string"}
_FLAG: Final[Schema] = {"type": "boolean"}
_DAY_MINUTES: Final = 24 * 60

_DEFINITIONS: Final[Schema] = {
    "time": {"type": "string", "pattern": _TIME, "description": "RFC 3339, in UTC; milliseconds are optional"},
    "event": _structure(
        "startTime endTime busyType",
        startTime=_ref("time"),
        endTime=_ref("time"),
        busyType=_one_of("BUSY", "FREE", "TENTATIVE"),
        details=_structure(
            "subject location instanceType isMeeting isReminderSet isPrivate",
            subject=_TEXT,
            location=_TEXT,
            instanceType=_one_of(*InstanceType),
            isMeeting=_FLAG,
            isReminderSet=_FLAG,
            isPrivate=_FLAG,
        ),
    ),
    "change": _structure(
        "offset time month week dayOfWeek",
        offset={**_minutes(-_DAY_MINUTES, _DAY_MINUTES), "description": "added to the zone's bias"},
        time={"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"},
        month=_one_of(*MONTHS),
        week=_one_of(*WEEKS),
        dayOfWeek=_one_of(*DAYS),
    ),
    "timezone": {
        **_structure(
            "name bias",
            name=_TEXT,
            bias={**_minutes(-_DAY_MINUTES, _DAY_MINUTES), "description": "as in EWS: UTC is the local time plus it"},
            standardTime=_ref("change"),
            daylightTime=_ref("change"),
        ),
        "dependentRequired": {"standardTime": ["daylightTime"], "daylightTime": ["standardTime"]},
    },
    "workingHours": _structure(
        "timezone workingPeriods",
        timezone=_ref("timezone"),
        workingPeriods={
            **_listed(
                _structure(
                    "startMinutes endMinutes days",
                    startMinutes=_minutes(0, _DAY_MINUTES),
                    endMinutes=_minutes(0, _DAY_MINUTES),
                    days={**_listed(_one_of(*DAYS)), "maxItems": MAX_PERIODS},
                )
            ),
            "maxItems": MAX_PERIODS,
        },
    ),
    "mailbox": {
        **_structure(
            "mailbox",
            mailbox={"type": "string", "maxLength": MAX_ADDRESS_CHARACTERS},
            events=_listed(_ref("event")),
            workingHours=_ref("workingHours"),
            error=_TEXT,
        ),
        "anyOf": [{"required": ["events"]}, {"required": ["error"]}],
    },
}

REQUEST_SCHEMA: Final[Schema] = {
    "$schema": _DIALECT,
    "title": "Event for a custom availability provider",
    **_structure(
        "requester mailboxes window",
        requester=_structure(
            "email userName organization userId",
            email=_TEXT,
            userName=_TEXT,
            organization={"type": "string", "pattern": "^m-[0-9a-f]{32}$"},
            userId=_TEXT,
            origin=_TEXT,
        ),
        mailboxes={**_listed(_TEXT), "minItems": 1},
        window=_structure("startDate endDate", startDate=_ref("time"), endDate=_ref("time")),
    ),
    "$defs": {"time": _DEFINITIONS["time"]},
}
ANSWER_SCHEMA: Final[Schema] = {
    "$schema": _DIALECT,
    "title": "Answer of a custom availability provider",
    **_structure("mailboxes", mailboxes=_listed(_ref("mailbox"))),
    "$defs": _DEFINITIONS,
}


def write_request(requester: Requester, mailboxes: Sequence[str], start_ms: int, end_ms: int) -> bytes:
    """Return the event as UTF-8 JSON.

    Times are in UTC with ``Z`` and milliseconds, as in the guide's example: published functions would read any other
    offset as UTC.
    """
    asks = {
        "email": requester.email,
        "userName": requester.user_name,
        "organization": requester.organization_id,
        "userId": requester.user_id,
    }
    if requester.origin is not None:
        asks["origin"] = requester.origin
    window = {"startDate": _written(start_ms), "endDate": _written(end_ms)}
    return json.dumps({"requester": asks, "mailboxes": list(mailboxes), "window": window}).encode()


def read_answer(payload: bytes, mailboxes: Sequence[str]) -> dict[str, MailboxResult]:
    """Read the answer of a function: one result per mailbox that was asked about, by its address.

    A mailbox of the wrong form fails alone. Mailboxes that were not asked about are ignored; of two entries of one
    mailbox the first counts, and an entry with ``error`` fails even if it has events (both ours). Addresses are
    compared without regard to case.

    Raises:
        InvalidAvailabilityError: the answer is too large, not JSON, or has no list of mailboxes. The error never quotes
            the answer.
    """
    if len(payload) > MAX_ANSWER_BYTES:
        raise InvalidAvailabilityError(f"the answer is larger than {MAX_ANSWER_BYTES} bytes")
    try:
        document = json.loads(payload, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidAvailabilityError("the answer is not JSON") from error
    entries = document.get("mailboxes") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidAvailabilityError("the answer is not of the documented form: mailboxes")
    asked = {mailbox.lower(): mailbox for mailbox in reversed(mailboxes)}
    results: dict[str, MailboxResult] = {}
    for entry in entries:
        name = entry.get("mailbox") if isinstance(entry, dict) else None
        mailbox = asked.get(name.lower()) if isinstance(name, str) else None
        if mailbox is not None and mailbox not in results:
            results[mailbox] = _result(mailbox, entry)
    for mailbox in asked.values():
        said = "the provider's answer has no entry for this mailbox"
        results.setdefault(mailbox, MailboxFailure(mailbox, FailureCode.FREE_BUSY_GENERATION_FAILED, said))
    return results


@cache
def _validator() -> Validator:
    """Return the validator of one entry of ``mailboxes``. jsonschema is imported only by functions that need it."""
    from jsonschema import Draft202012Validator

    return Draft202012Validator({"$ref": "#/$defs/mailbox", "$defs": _DEFINITIONS})


def _result(mailbox: str, entry: Mapping[str, Any]) -> MailboxResult:
    fault = next(_faults(entry), None)
    if fault is not None:
        said = f"the provider's answer is not of the documented form: {fault}"
        return MailboxFailure(mailbox, FailureCode.RESPONSE_SCHEMA_VALIDATION, said)
    if "error" in entry:
        code = ERRORS.get(entry["error"], FailureCode.FREE_BUSY_GENERATION_FAILED)
        return MailboxFailure(mailbox, code, PROVIDERS_ERROR)
    events = in_order(map(_event, entry["events"]))
    hours = entry.get("workingHours")
    return MailboxAvailability(mailbox, events, None if hours is None else _hours(hours))


def _faults(entry: Mapping[str, Any]) -> Iterator[str]:
    """Yield the places of an entry that are wrong, by documented keys and positions."""
    for error in _validator().iter_errors(entry):
        place = ".".join(map(str, error.absolute_path)) or "the mailbox"
        yield f"{place} ({error.validator})"
    for number, event in enumerate(entry["events"] if "error" not in entry else ()):
        try:
            backwards = _milliseconds(event["endTime"]) < _milliseconds(event["startTime"])
        except (ValueError, OverflowError):
            yield f"events.{number} (a time that does not exist)"
        else:
            if backwards:
                yield f"events.{number} (it ends before it begins)"
    for number, period in enumerate(entry.get("workingHours", {}).get("workingPeriods", ())):
        if period["endMinutes"] < period["startMinutes"]:
            yield f"workingHours.workingPeriods.{number} (it ends before it begins)"


def _event(event: Mapping[str, Any]) -> BusyEvent:
    start, end = _milliseconds(event["startTime"]), _milliseconds(event["endTime"])
    return BusyEvent(start, end, BusyType(event["busyType"]), _details(event.get("details")))


def _details(said: Mapping[str, Any] | None) -> EventDetails | None:
    """Return the details of an event; of a private one there are none, whatever the function tells."""
    if not said or said["isPrivate"]:
        return None
    return EventDetails(
        _text(said["subject"]),
        _text(said["location"]),
        InstanceType(said["instanceType"]),
        said["isMeeting"],
        said["isReminderSet"],
    )


def _hours(hours: Mapping[str, Any]) -> WorkingHours:
    zone = hours["timezone"]
    return WorkingHours(
        Zone(
            _text(zone["name"]), int(zone["bias"]), _change(zone.get("standardTime")), _change(zone.get("daylightTime"))
        ),
        tuple(
            WorkingPeriod(
                tuple(Weekday(day) for day in dict.fromkeys(period["days"])),
                int(period["startMinutes"]),
                int(period["endMinutes"]),
            )
            for period in hours["workingPeriods"]
        ),
    )


def _change(change: Mapping[str, Any] | None) -> ZoneChange | None:
    if change is None:
        return None
    return ZoneChange(
        int(change["offset"]),
        change["time"],
        MONTHS.index(change["month"]) + 1,
        WEEKS.index(change["week"]) + 1,
        Weekday(change["dayOfWeek"]),
    )


def _written(milliseconds: int) -> str:
    """Return a time as RFC 3339 in UTC with ``Z``."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(time: str) -> int:
    """Read a time of RFC 3339; parts of milliseconds are dropped."""
    return (datetime.fromisoformat(time.upper()) - _EPOCH) // timedelta(milliseconds=1)


def _text(said: str) -> str:
    """Return a subject, a location or a zone's name, cut, with U+FFFD for characters that XML cannot hold."""
    return legal_in_xml(said[:MAX_TEXT_CHARACTERS])


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")
