"""What a message with a calendar part changes in a calendar: the rules of iTIP (RFC 5546) for one mailbox and one UID.

Everything here is a function of values. The organizer alone changes a meeting, and an attendee alone their own answer:
the author is the message's From, because DMARC confirms no other field. A component is newer than another of the
same UID and RECURRENCE-ID by SEQUENCE, then by DTSTAMP (2.1.5).

What is stored is put together from what was received, byte for byte. The only properties that are set anew are STATUS,
SEQUENCE and DTSTAMP of what is cancelled, PARTSTAT of an attendee in the organizer's own copy, and the name of a time
zone that another definition has already (docs/decisions/0031).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from postroom.meetings.ics_text import IcsText, address_of, components, edited, merged, with_parameters, with_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from postroom.meetings.ics_text import Component, Line
    from postroom.meetings.meeting import Meeting, Place, Version

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
        stored: the meeting with the same UID in the calendar.
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
    """Return whether one of the authors is the organizer, or whom the organizer lets act (SENT-BY)."""
    return organizer is not None and not _acting(organizer).isdisjoint(authors)


def _acting(organizer: Line) -> set[str]:
    return {organizer.address, address_of(organizer.parameters.get("SENT-BY", ""))} - {""}


def _refusal(received: Received, stored: Meeting | None, own: Collection[str]) -> Ignored | None:
    """Return why a message may not change a meeting as its organizer; ``None`` if it may."""
    if stored is None:
        return Ignored(UNKNOWN)
    organizer, theirs = stored.organizer, received.meeting.organizer
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
    if refusal := _refusal(received, stored, own):
        return refusal
    new, old = meeting.master, stored.master
    if new is None or (old is not None and not new.is_newer_than(old)):
        return _instances_changed(meeting, stored)
    if old is None or _is_rescheduled(old.component, new.component):
        return Changed(Kind.RESCHEDULED, meeting.text.text, tentative=True)
    kept = [each for each in stored.instances if each.place not in meeting.by_place]
    more = [(stored.text, stored.text.bytes_of(each.component)) for each in kept]
    answered = _accepted(new.component, own) or _accepted(old.component, own)
    return Changed(Kind.CHANGED, merged(meeting.text, without=(), more=more), tentative=not answered)


def _instances_changed(meeting: Meeting, stored: Meeting) -> Changed | Ignored:
    """Take those instances of a request that are newer than what the calendar has."""
    newer = [each for each in meeting.instances if _is_news(each, stored)]
    if not newer:
        known = meeting.versions and all(_is_known(each, stored) for each in meeting.versions)
        return Ignored(NOTHING_NEW if known else OBSOLETE)
    places = tuple(each.place for each in newer)
    ics = _with(stored, places, [(meeting.text, meeting.text.bytes_of(each.component)) for each in newer])
    return Changed(Kind.INSTANCES_CHANGED, ics, tentative=None, keys=places)


def _is_news(version: Version, stored: Meeting, *, or_same: bool = False) -> bool:
    """Return whether an instance is newer than the calendar's: than its own component, else not older than the series.

    Args:
        or_same: the same SEQUENCE and DTSTAMP are enough: a cancellation says something else by itself.
    """
    own = stored.by_place.get(version.place)
    if own is not None:
        return version.is_newer_than(own) or (or_same and not own.is_newer_than(version))
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
    if (refusal := _refusal(received, stored, own)) or stored is None:
        return refusal or Ignored(UNKNOWN)
    about_me = [
        each for each in received.meeting.versions if _is_cancelled_for(each.component, {*own, received.delivered_to})
    ]
    if not about_me:
        return Ignored(OTHERS_REMOVED)
    whole = next((each for each in about_me if each.key_ms is None), None)
    if whole is not None:
        newest = stored.master or max(stored.versions, key=lambda each: (each.sequence, each.stamp_ms))
        return Ignored(OBSOLETE) if newest.is_newer_than(whole) else cancelled(stored, whole)
    if stored.master is not None and not _recurs(stored.master.component):
        return Ignored(NOT_RECURRING)
    news = [each for each in about_me if _is_news(each, stored, or_same=True)]
    if not news:
        return Ignored(OBSOLETE)
    return instances_cancelled(stored, received.meeting.text, news)


def cancelled(stored: Meeting, by: Version | None = None) -> Changed:
    """Return a meeting that takes no time any more. It stays in the calendar, so that an older request is known."""
    text, edits = stored.text, list[tuple[int, int, bytes]]()
    for each in stored.versions:
        if stored.master is not None and each is not stored.master:
            edits.append((each.component.start, each.component.end, b""))
            continue
        values = {"STATUS": "CANCELLED"} | (_numbers(by) if by is not None else {})
        edits.append((each.component.start, each.component.end, _set(text.bytes_of(each.component), values)))
    return Changed(Kind.CANCELLED, edited(text.text, edits))


def instances_cancelled(stored: Meeting, source: IcsText, instances: Iterable[Version]) -> Changed:
    """Return a meeting of which some instances take no time any more; ``source`` has their components."""
    news: dict[Place, tuple[IcsText, bytes]] = {}
    for each in instances:
        news[each.place] = (source, _set(source.bytes_of(each.component), {"STATUS": "CANCELLED"}))
    begins = min((key for key, following in news if following and key is not None), default=None)
    over = [each.place for each in stored.instances if begins is not None and (each.key_ms or 0) >= begins]
    return Changed(Kind.INSTANCES_CANCELLED, _with(stored, {*news, *over}, news.values()), None, tuple(news))


def _numbers(version: Version) -> dict[str, str]:
    values = {name: version.component.value(name) for name in ("SEQUENCE", "DTSTAMP")}
    return {name: value for name, value in values.items() if value}


def _is_cancelled_for(component: Component, own: set[str]) -> bool:
    """Return whether a CANCEL is about the mailbox: for all attendees, or one of its addresses is removed.

    With STATUS the whole event is cancelled; without it the attendees named are removed (RFC 5546, 3.2.5). One without
    either is for all (ours).
    """
    removed = [line.address for line in component.every("ATTENDEE")]
    return component.value("STATUS").upper() == "CANCELLED" or not removed or not own.isdisjoint(removed)


def _recurs(component: Component) -> bool:
    return any(component.first(name) for name in ("RRULE", "RDATE"))


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
    stamp = datetime.fromtimestamp(reply.stamp_ms / 1000, UTC)
    values = {"PARTSTAT": answer.parameters["PARTSTAT"].upper(), ANSWERED_AT: f"{stamp:%Y%m%dT%H%M%SZ}"}
    return line.start, line.end, with_parameters(stored.text.bytes_of(line), values)


def _add(received: Received, stored: Meeting | None, own: Collection[str]) -> Changed | Ignored:
    """Take instances that are added to a series: each becomes an instance of its own, known by its start."""
    if (refusal := _refusal(received, stored, own)) or stored is None:
        return refusal or Ignored(UNKNOWN)
    master = stored.master
    if master is None or not _recurs(master.component):
        return Ignored(NOT_RECURRING)
    known = {_written(each.component, "RECURRENCE-ID"): each for each in stored.instances}
    text, former, more = received.meeting.text, [], []
    for each in received.meeting.versions:
        start = _written(each.component, "DTSTART")
        own_version = known.get(start)
        if start is None or not each.is_newer_than(own_version or master):
            continue
        if own_version is not None:
            former.append(own_version.place)
        more.append((text, _with_recurrence_id(text.bytes_of(each.component))))
    if not more:
        return Ignored(OBSOLETE)
    return Changed(Kind.INSTANCES_CHANGED, _with(stored, former, more), tentative=None)


def _written(component: Component, name: str) -> tuple[str, str] | None:
    line = component.first(name)
    return None if line is None else (line.parameters.get("TZID", ""), line.value.strip())


def _with(stored: Meeting, former: Collection[Place], more: Iterable[tuple[IcsText, bytes]]) -> bytes:
    """Return a meeting without the components at some places, and with others."""
    without = [each.component for each in stored.versions if each.place in former]
    return merged(stored.text, without=without, more=more)


def _set(block: bytes, values: Mapping[str, str]) -> bytes:
    (component,) = components(block)
    return with_values(block, component, values)


def _with_recurrence_id(block: bytes) -> bytes:
    """Return a component that is an instance by itself: known by its start."""
    (component,) = components(block)
    line = component.first("DTSTART")
    if line is None:
        return block
    parameters = {key: text for key, text in line.parameters.items() if key in ("TZID", "VALUE")}
    copy = with_parameters(f"RECURRENCE-ID:{line.value.strip()}".encode(), parameters)
    return edited(block, [(component.close, component.close, copy)])


def _stamp_ms(text: str) -> int:
    try:
        return int(datetime.strptime(text.strip(), "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return 0
