"""GetUserAvailability: the answer, written by our front and read from EWS servers. ``availability`` has the request.

Events leave in the request's zone, without offset, as Exchange writes them.
Source: Microsoft, MS-OXWAVLS 3.1.4.1 and 7, for the order of elements: FreeBusyResponse is ResponseMessage,
FreeBusyView; FreeBusyView is FreeBusyViewType, MergedFreeBusy, CalendarEventArray, WorkingHours; CalendarEvent is
StartTime, EndTime, BusyType, CalendarEventDetails; CalendarEventDetails is ID, Subject, Location, IsMeeting,
IsRecurring, IsException, IsReminderSet, IsPrivate. ``responses`` has ResponseMessage.
"""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Final

from postroom.contracts.ews.availability import MIN_INTERVAL_MINUTES, asked_window
from postroom.contracts.ews.digits import merged_free_busy, periods
from postroom.contracts.ews.fields import boolean, date_time, needed, needed_text, text
from postroom.contracts.ews.names import m, t
from postroom.contracts.ews.responses import add_message, add_problem
from postroom.contracts.ews.soap import add, new
from postroom.contracts.ews.zones import add_working_hours, read_working_hours
from postroom.errors import InvalidEwsAnswerError
from postroom.model.free_busy import (
    MAX_TEXT_CHARACTERS,
    BusyEvent,
    BusyType,
    EventDetails,
    FailureCode,
    InstanceType,
    MailboxAvailability,
    MailboxFailure,
    Zone,
    in_order,
)
from postroom.model.zone_times import epoch_ms, to_local

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from lxml.etree import _Element as Element

    from postroom.contracts.ews.availability import AvailabilityRequest
    from postroom.model.free_busy import MailboxResult

MAX_EVENTS: Final = 5_000
"""Most events of one mailbox that are read from a server. Ours; Exchange answers at most 1,000."""

_WRITTEN: Final = {
    BusyType.FREE: "Free",
    BusyType.TENTATIVE: "Tentative",
    BusyType.BUSY: "Busy",
    BusyType.OOF: "OOF",
}
_READ: Final = {
    **{name: busy_type for busy_type, name in _WRITTEN.items()},
    "NoData": BusyType.BUSY,
    "WorkingElsewhere": BusyType.FREE,
}
"""A time of which a server knows nothing is not offered, as AWS's published CAP sample has it: ours. A person who works
elsewhere can be met; schemas before Exchange2013 do not have the value."""

_FAILURES: Final = {
    **{code.value: code for code in FailureCode},
    "ErrorInvalidSmtpAddress": FailureCode.MAIL_RECIPIENT_NOT_FOUND,
    "ErrorMissingEmailAddress": FailureCode.MAIL_RECIPIENT_NOT_FOUND,
    "ErrorNonExistentMailbox": FailureCode.MAIL_RECIPIENT_NOT_FOUND,
    "ErrorInternalServerTransientError": FailureCode.SERVER_BUSY,
    "ErrorNoFreeBusyAccess": FailureCode.FREE_BUSY_GENERATION_FAILED,
    "ErrorProxyRequestProcessingFailed": FailureCode.FREE_BUSY_GENERATION_FAILED,
}
"""Codes of servers, by what becomes of them; all others are ErrorFreeBusyGenerationFailed. Ours."""


def write_answer(request: AvailabilityRequest, results: Sequence[MailboxResult]) -> Element:
    """Return the answer to a request, with one FreeBusyResponse per result in their order."""
    answer = new(m("GetUserAvailabilityResponse"))
    array = add(answer, m("FreeBusyResponseArray"))
    for result in results:
        response = add(array, m("FreeBusyResponse"))
        if isinstance(result, MailboxFailure):
            add_problem(response, "", result.code.value, result.message)
            add(add(response, m("FreeBusyView")), t("FreeBusyViewType"), "None")
        else:
            add_message(response, "")
            _add_view(response, request, result)
    return answer


def _add_view(response: Element, request: AvailabilityRequest, result: MailboxAvailability) -> None:
    view = add(response, m("FreeBusyView"))
    add(view, t("FreeBusyViewType"), request.view.value)
    if request.view.has_digits:
        window = request.start_ms, request.end_ms
        add(view, t("MergedFreeBusy"), merged_free_busy(result.events, *window, request.interval_minutes))
    if request.view.has_events:
        array = add(view, t("CalendarEventArray"))
        for event in result.events:
            written = add(array, t("CalendarEvent"))
            add(written, t("StartTime"), _local(request.zone, event.start_ms))
            add(written, t("EndTime"), _local(request.zone, event.end_ms))
            add(written, t("BusyType"), _WRITTEN[event.busy_type])
            if request.view.has_details and event.details is not None:
                _add_details(written, event.details)
    if result.working_hours is not None:
        add_working_hours(view, result.working_hours)


def _local(zone: Zone, ms: int) -> str:
    return to_local(zone, ms).replace(microsecond=0).isoformat()


def _add_details(event: Element, details: EventDetails) -> None:
    written = add(event, t("CalendarEventDetails"))
    add(written, t("Subject"), details.subject)
    add(written, t("Location"), details.location)
    is_exception = details.instance_type is InstanceType.EXCEPTION
    for name, truth in (
        ("IsMeeting", details.is_meeting),
        ("IsRecurring", is_exception or details.instance_type is InstanceType.RECURRING_INSTANCE),
        ("IsException", is_exception),
        ("IsReminderSet", details.is_reminder_set),
        ("IsPrivate", details.is_private),
    ):
        add(written, t(name), "true" if truth else "false")


def read_answer(answer: Element, mailboxes: Sequence[str], start_ms: int, end_ms: int) -> tuple[MailboxResult, ...]:
    """Read a server's answer to ``availability.write_request``: one result per mailbox, in their order.

    A mailbox whose part has another form than the schema's fails alone.

    Raises:
        InvalidEwsAnswerError: the answer as a whole has another form, or another number of mailboxes.
    """
    array = answer.find(m("FreeBusyResponseArray"))
    if answer.tag != m("GetUserAvailabilityResponse") or array is None:
        raise InvalidEwsAnswerError("the server's answer is not one to GetUserAvailability")
    responses = array.findall(m("FreeBusyResponse"))
    if len(responses) != len(mailboxes):
        raise InvalidEwsAnswerError(
            f"the server answered {len(responses)} mailboxes, but was asked for {len(mailboxes)}"
        )
    return tuple(
        _read_response(response, mailbox, (start_ms, end_ms))
        for response, mailbox in zip(responses, mailboxes, strict=True)
    )


def _read_response(response: Element, mailbox: str, window: tuple[int, int]) -> MailboxAvailability | MailboxFailure:
    try:
        message = needed(response, m("ResponseMessage"))
        if message.get("ResponseClass") == "Error":
            return _failure(mailbox, text(message, m("ResponseCode")) or "")
        view = needed(response, m("FreeBusyView"))
        events = _read_events(view, window)
        return MailboxAvailability(mailbox, events, read_working_hours(view))
    except _NoDataError:
        code = FailureCode.FREE_BUSY_GENERATION_FAILED
        return MailboxFailure(mailbox, code, "The mailbox's server has no free/busy information for it.")
    except (ValueError, OverflowError) as error:
        said = f"The mailbox's server answered in a form that is not valid: {error}."
        return MailboxFailure(mailbox, FailureCode.RESPONSE_SCHEMA_VALIDATION, said)


def _failure(mailbox: str, code: str) -> MailboxFailure:
    said = code if code in _FAILURES else "another code"
    kept = _FAILURES.get(code, FailureCode.FREE_BUSY_GENERATION_FAILED)
    return MailboxFailure(mailbox, kept, f"The mailbox's server refused the mailbox: {said}.")


class _NoDataError(Exception):
    """A server succeeded, but told nothing."""


def _read_events(view: Element, window: tuple[int, int]) -> tuple[BusyEvent, ...]:
    """Return the events of a view, or periods of its digits if it has no events.

    Raises:
        ValueError: the view has another form than the schema's.
    """
    array, digits = view.find(t("CalendarEventArray")), text(view, t("MergedFreeBusy"))
    kinds = needed_text(view, t("FreeBusyViewType")).split()
    if array is not None:
        written = array.findall(t("CalendarEvent"))
        if len(written) > MAX_EVENTS:
            raise ValueError(f"CalendarEventArray has more than {MAX_EVENTS} events")
        events = [_read_event(element) for element in written]
    elif digits:
        if not digits.strip("4"):
            raise _NoDataError
        events = periods(digits, *asked_window(*window), MIN_INTERVAL_MINUTES)
    elif kinds == ["None"] or not kinds:
        raise _NoDataError
    else:  # Exchange leaves the array out if there is no event
        events = []
    start_ms, end_ms = window
    return in_order(event for event in events if event.start_ms < end_ms and event.end_ms > start_ms)


def _read_event(element: Element) -> BusyEvent:
    start_ms, end_ms = (_utc_ms(date_time(element, t(name))) for name in ("StartTime", "EndTime"))
    if end_ms < start_ms:
        raise ValueError("an event ends before it begins")
    busy_type = _READ.get(needed_text(element, t("BusyType")))
    if busy_type is None:
        raise ValueError("BusyType is none of the schema's")
    details = element.find(t("CalendarEventDetails"))
    return BusyEvent(start_ms, end_ms, busy_type, None if details is None else _read_details(details))


def _utc_ms(given: datetime) -> int:
    """Return the instant of an answer's time: the request's zone was UTC."""
    return epoch_ms(given if given.tzinfo else given.replace(tzinfo=UTC))


def _read_details(element: Element) -> EventDetails | None:
    """Return the details of an event; of a private one there are none, whatever the server tells."""
    if boolean(element, t("IsPrivate")):
        return None
    instance_type = InstanceType.SINGLE_INSTANCE
    if boolean(element, t("IsException")):
        instance_type = InstanceType.EXCEPTION
    elif boolean(element, t("IsRecurring")):
        instance_type = InstanceType.RECURRING_INSTANCE
    return EventDetails(
        subject=(text(element, t("Subject")) or "")[:MAX_TEXT_CHARACTERS],
        location=(text(element, t("Location")) or "")[:MAX_TEXT_CHARACTERS],
        instance_type=instance_type,
        is_meeting=boolean(element, t("IsMeeting")),
        is_reminder_set=boolean(element, t("IsReminderSet")),
    )
