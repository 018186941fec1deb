"""What a message with a calendar part changes in a calendar: the rules of iTIP (RFC 5546) for one mailbox and one UID.

Everything here is a function of values. The organizer alone changes a meeting, and an attendee alone their own answer:
the author is the message's From, because DMARC confirms no other field. A component is newer than another of the
same UID and RECURRENCE-ID by SEQUENCE, then by DTSTAMP (2.1.5). Messages come in any order: of each component the
newest is kept, also before the series that it belongs to, and after it was cancelled.

What is stored is put together from what was received, byte for byte. The only properties that are set anew are STATUS,
SEQUENCE and DTSTAMP of what is cancelled, PARTSTAT of an attendee in the organizer's own copy, RECURRENCE-ID of an
instance that is added, and the name of a time zone that another definition has already (docs/decisions/0031).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.calendars.objects import read_calendar
from postroom.meetings import early
from postroom.meetings.ics_text import components, edited, merged, utc_time, with_parameters
from postroom.meetings.meeting import Meeting

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from postroom.meetings.ics_text import Component, Line
    from postroom.meetings.meeting import Place, Version

ANSWERED_AT: Final = "X-POSTROOM-ANSWERED"
"""Parameter of ATTENDEE in an organizer's copy: DTSTAMP of the answer that PARTSTAT is from, so that an older one is
known (RFC 5546, 2.1.5)."""

NOT_ASKED: Final = "the method changes no calendar here"
STRANGER: Final = "the sender is not the organizer of the meeting"
NOT_THE_ATTENDEE: Final = "the sender is not the attendee that answers"
OTHER_ORGANIZER: Final = "the meeting has another organizer in this calendar"
OWN_COPY: Final = "the mailbox is the organizer's: its copy is the original"
NOT_THE_ORGANIZER: Final = "the mailbox is not the organizer's"
UNKNOWN: Final = "the calendar does not have the meeting"
UNKNOWN_INSTANCE: Final = "the calendar has no such instance on its own"
UNKNOWN_ATTENDEE: Final = "the meeting has no such attendee"
OBSOLETE: Final = "the calendar has a newer version"
NOTHING_NEW: Final = "the calendar has this version"
OTHERS_REMOVED: Final = "other attendees were removed"
NOT_RECURRING: Final = "the meeting does not recur"
"""Reasons of ``Ignored``; they name no value of the message."""

_TIMES: Final = ("DTSTART", "DTEND", "DURATION", "RRULE", "RDATE")


class Kind(StrEnum):
    """What has changed."""

    ADDED = "ADDED"
    RESCHEDULED = "RESCHEDULED"
    CHANGED = "CHANGED"
    INSTANCES_CHANGED = "INSTANCES_CHANGED"
    CANCELLED = "CANCELLED"
    INSTANCES_CANCELLED = "INSTANCES_CANCELLED"
    ANSWERED = "ANSWERED"


@dataclass(frozen=True, slots=True)
class Received:
    """A message's calendar part, and whose message it is.

    Attributes:
        authors: addresses in From, lower-case; none where it is not known which of several domains DMARC checked, or
            where mail clients may read the field in several ways.
        delivered_to: the envelope recipient that led to the mailbox, lower-case.
    """

    method: str
    meeting: Meeting
    authors: frozenset[str] | set[str]
    delivered_to: str


@dataclass(frozen=True, slots=True)
class Changed:
    """The new text of the meeting in the calendar.

    Attributes:
        tentative: the mailbox's owner has yet to answer it; ``None``: as it was. An answer is about all of a series, so
            that a change of an instance leaves it (ours).
        keys: what changed of a series, as ``Version.place``; ``None``: all of it.
    """

    kind: Kind
    ics: bytes
    tentative: bool | None = False
    keys: tuple[Place, ...] | None = None


@dataclass(frozen=True, slots=True)
class Ignored:
    """Nothing changes."""

    reason: str


def decide(received: Received, stored: Meeting | None, own: Collection[str]) -> Changed | Ignored:
    """Decide what a message changes.

    Args:
        stored: the meeting with the same UID in the calendar; without what ``early.relevant`` leaves out.
        own: all addresses of the mailbox, lower-case.
    """
    match received.method:
        case "REQUEST":
            return _request(received, stored, own)
        case "CANCEL":
            return _cancel(received, stored, own)
        case "REPLY":
            return _reply(received, stored, own)
        case "ADD":
            return _add(received, stored, own)
        case _:
            return Ignored(NOT_ASKED)


def is_organizer(authors: Collection[str], organizer: Line | None) -> bool:
    """Return whether one of the authors is the organizer, or an address that the organizer lets act (SENT-BY)."""
    return not early.acting(organizer).isdisjoint(authors)


def _refusal(received: Received, stored: Meeting | None, own: Collection[str]) -> Ignored | None:
    """Return why a message may not change a meeting as its organizer; ``None`` if it may.

    Of a meeting that the calendar lacks, the message's own organizer counts.
    """
    theirs = received.meeting.organizer
    organizer = theirs if stored is None else stored.organizer
    if not is_organizer(received.authors, organizer):
        return Ignored(STRANGER)
    if organizer is None or theirs is None or organizer.address != theirs.address:
        return Ignored(OTHER_ORGANIZER)
    return Ignored(OWN_COPY) if organizer.address in own else None


def _request(received: Received, stored: Meeting | None, own: Collection[str]) -> Changed | Ignored:
    meeting = received.meeting
    if stored is None:
        is_own = meeting.organizer is not None and meeting.organizer.address in own
        is_own = is_own and not received.authors.isdisjoint(own)  # anybody may name the owner as the organizer
        return Changed(Kind.ADDED, meeting.text.text, tentative=not is_own)
    is_early = early.is_early(stored)
    if not is_early and (refusal := _refusal(received, stored, own)):
        return refusal
    new, old = meeting.master, stored.master
    if new is None or (old is not None and not new.is_newer_than(old)):
        return _instances_changed(meeting, stored)
    if old is None or old.is_cancelled:
        kept = [each for each in stored.instances if each.sequence >= new.sequence]
        return Changed(Kind.ADDED if is_early else Kind.RESCHEDULED, _renewed(meeting, new, stored, kept), True)
    if _is_rescheduled(old.component, new.component):
        kept = [each for each in stored.instances if not new.is_newer_than(each)]
        return Changed(Kind.RESCHEDULED, _renewed(meeting, new, stored, kept), True)
    answered = _accepted(new.component, own) or _accepted(old.component, own)
    return Changed(Kind.CHANGED, _renewed(meeting, new, stored, stored.instances), tentative=not answered)


def _renewed(meeting: Meeting, new: Version, stored: Meeting, kept: Sequence[Version]) -> bytes:
    """Return a request with those instances of the calendar that may be kept, and are newer than the request's own.

    A cancelled instance of a meeting that does not recur is kept only for a later version that does.
    """
    kept = [
        each
        for each in kept
        if _counts(each, meeting.by_place.get(each.place))
        and (new.recurs or not each.is_cancelled or each.sequence > new.sequence)
    ]
    places, ended = {each.place for each in kept}, [each for each in kept if each.is_cancelled]
    over = (each for each in meeting.instances if each.place in places or early.ended_by(each, ended))
    more = [(stored.text, stored.text.bytes_of(each.component)) for each in kept]
    return merged(meeting.text, without=[each.component for each in over], more=more)


def _counts(stored: Version, other: Version | None) -> bool:
    """Return whether the calendar's version is the one to keep: a cancellation may have the numbers of its request."""
    return other is None or stored.is_newer_than(other) or (stored.is_cancelled and not other.is_newer_than(stored))


def _instances_changed(meeting: Meeting, stored: Meeting) -> Changed | Ignored:
    """Take those instances of a request that are newer than what the calendar has."""
    newer = [each for each in meeting.instances if _is_news(each, stored)]
    if not newer:
        known = meeting.versions and all(_is_known(each, stored) for each in meeting.versions)
        return Ignored(NOTHING_NEW if known else OBSOLETE)
    places = tuple(each.place for each in newer)
    more = [(meeting.text, meeting.text.bytes_of(each.component)) for each in newer]
    ics = early.exchanged(stored, places, more)
    return Changed(Kind.INSTANCES_CHANGED, ics, tentative=_still_tentative(stored), keys=places)


def _still_tentative(stored: Meeting) -> bool | None:
    """Return what a changed instance makes of the answer: there is none yet, if all that was known is cancelled."""
    return True if all(each.is_cancelled for each in stored.versions) else None


def _is_news(version: Version, stored: Meeting, *, or_same: bool = False) -> bool:
    """Return whether an instance is newer than the calendar's: than its own component, else not older than the series.

    Args:
        or_same: the same SEQUENCE and DTSTAMP are enough: a cancellation says something else by itself.
    """
    own = stored.by_place.get(version.place)
    if own is not None:
        return version.is_newer_than(own) or (or_same and not own.is_newer_than(version))
    if early.ended_by(version, (each for each in stored.instances if each.is_cancelled)):
        return False
    return stored.master is None or version.sequence >= stored.master.sequence


def _is_known(version: Version, stored: Meeting) -> bool:
    own = stored.by_place.get(version.place)
    return own is not None and (version.sequence, version.stamp_ms) == (own.sequence, own.stamp_ms)


def _is_rescheduled(old: Component, new: Component) -> bool:
    """Return whether a meeting's times differ: then its former exceptions and answers are over."""

    def times(component: Component) -> list[tuple[str, str, str]]:
        lines = (line for name in _TIMES for line in component.every(name))
        return sorted((line.name, line.parameters.get("TZID", ""), line.value.strip()) for line in lines)

    return times(old) != times(new)


def _accepted(component: Component, own: Collection[str]) -> bool:
    """Return whether a component says that the mailbox's owner has accepted."""
    mine = (line for line in component.every("ATTENDEE") if line.address in own)
    return any(line.parameters.get("PARTSTAT", "").upper() == "ACCEPTED" for line in mine)


def _cancel(received: Received, stored: Meeting | None, own: Collection[str]) -> Changed | Ignored:
    if refusal := _refusal(received, stored, own):
        return refusal
    mine = {*own, received.delivered_to}
    about_me = [each for each in received.meeting.versions if _is_cancelled_for(each.component, mine)]
    if not about_me:
        return Ignored(OTHERS_REMOVED)
    whole = next((each for each in about_me if each.key_ms is None), None)
    if stored is None and not about_me[0].component.value("UID"):
        return Ignored(UNKNOWN)
    if stored is None:
        return cancelled_early(received, about_me if whole is None else [whole])
    master = stored.master
    if whole is not None:
        is_old = master is not None and master.is_newer_than(whole)
        return Ignored(OBSOLETE) if is_old else cancelled(stored, received, whole)
    about_me = [each for each in about_me if _may_recur(master, each)]
    if not about_me:
        return Ignored(NOT_RECURRING)
    news = [each for each in about_me if _is_news(each, stored, or_same=True)]
    return instances_cancelled(stored, received, news) if news else Ignored(OBSOLETE)


def cancelled_early(received: Received, versions: Sequence[Version]) -> Changed:
    """Return what makes older requests known, of a meeting that the calendar lacks; it takes no time."""
    kind = Kind.CANCELLED if any(each.key_ms is None for each in versions) else Kind.INSTANCES_CANCELLED
    return Changed(kind, early.stored_early(received.meeting.text, versions, _author(received)))


def cancelled(stored: Meeting, received: Received, by: Version) -> Changed:
    """Return a meeting that takes no time any more, by a component of a message."""
    return Changed(Kind.CANCELLED, early.cancelled(stored, received.meeting.text, by, _author(received)))


def instances_cancelled(stored: Meeting, received: Received, instances: Sequence[Version]) -> Changed:
    """Return a meeting of which some instances take no time any more, by components of a message."""
    ics = early.instances_cancelled(stored, received.meeting.text, instances, _author(received))
    return Changed(Kind.INSTANCES_CANCELLED, ics, None, tuple(each.place for each in instances))


def _author(received: Received) -> str:
    organizer = received.meeting.organizer
    return early.author_of(received.authors, organizer) if organizer else ""


def _is_cancelled_for(component: Component, own: set[str]) -> bool:
    """Return whether a CANCEL is about the mailbox: for all attendees, or one of its addresses is removed.

    With STATUS the whole event is cancelled; without it the attendees named are removed (RFC 5546, 3.2.5). One without
    either is for all (ours).
    """
    removed = [line.address for line in component.every("ATTENDEE")]
    return component.value("STATUS").upper() == "CANCELLED" or not removed or not own.isdisjoint(removed)


def _reply(received: Received, stored: Meeting | None, own: Collection[str]) -> Changed | Ignored:
    """Take an attendee's answer into the organizer's copy."""
    if stored is None:
        return Ignored(UNKNOWN)
    if stored.organizer is None or stored.organizer.address not in own:
        return Ignored(NOT_THE_ORGANIZER)
    edits, reasons = list[tuple[int, int, bytes]](), list[str]()
    for reply in received.meeting.versions:
        mine = [line for line in reply.component.every("ATTENDEE") if line.address in received.authors]
        mine = [line for line in mine if line.parameters.get("PARTSTAT")]
        if not mine:
            reasons.append(NOT_THE_ATTENDEE)
            continue
        edit = _answer(reply, mine[0], stored)
        if isinstance(edit, Ignored):
            reasons.append(edit.reason)
        elif all(edit[0] != other[0] for other in edits):
            edits.append(edit)
    if not edits:
        return Ignored(reasons[0] if reasons else NOT_THE_ATTENDEE)
    return Changed(Kind.ANSWERED, edited(stored.text.text, edits))


def _answer(reply: Version, answer: Line, stored: Meeting) -> tuple[int, int, bytes] | Ignored:
    """Return the edit of one ATTENDEE line of the organizer's copy."""
    version = stored.by_place.get(reply.place)
    if version is None:
        return Ignored(UNKNOWN_INSTANCE)
    if reply.sequence < version.sequence:
        return Ignored(OBSOLETE)
    line = next((each for each in version.component.every("ATTENDEE") if each.address == answer.address), None)
    if line is None:
        return Ignored(UNKNOWN_ATTENDEE)
    if reply.stamp_ms <= _stamp_ms(line.parameters.get(ANSWERED_AT, "")):
        return Ignored(OBSOLETE)
    values = {"PARTSTAT": answer.parameters["PARTSTAT"].upper(), ANSWERED_AT: utc_time(reply.stamp_ms)}
    return line.start, line.end, with_parameters(stored.text.bytes_of(line), values)


def _add(received: Received, stored: Meeting | None, own: Collection[str]) -> Changed | Ignored:
    """Take instances that are added to a series: each becomes an instance of its own, known by its start."""
    if refusal := _refusal(received, stored, own):
        return refusal
    added = _as_instances(received.meeting)
    if stored is None:
        return Changed(Kind.ADDED, added.text.text, tentative=True)
    if not all(_may_recur(stored.master, each) for each in added.versions):
        return Ignored(NOT_RECURRING)
    return _instances_changed(added, stored)


def _may_recur(master: Version | None, instance: Version) -> bool:
    """Return whether a meeting has instances, as far as is known: its version with an instance's SEQUENCE may."""
    return master is None or master.is_cancelled or master.recurs or instance.sequence > master.sequence


def _as_instances(meeting: Meeting) -> Meeting:
    """Return what an ADD adds as instances of a series."""
    text = meeting.text
    more = [(text, _with_recurrence_id(text.bytes_of(each.component))) for each in meeting.versions]
    return Meeting.of(read_calendar(merged(text, without=text.events, more=more)).only())


def _with_recurrence_id(block: bytes) -> bytes:
    """Return a component that is an instance by itself: known by its start."""
    (component,) = components(block)
    line = component.first("DTSTART")
    if line is None or component.first("RECURRENCE-ID") is not None:
        return block
    parameters = {key: text for key, text in line.parameters.items() if key in ("TZID", "VALUE")}
    copy = with_parameters(f"RECURRENCE-ID:{line.value.strip()}".encode(), parameters)
    return edited(block, [(component.close, component.close, copy)])


def _stamp_ms(text: str) -> int:
    try:
        return int(datetime.strptime(text.strip(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0
