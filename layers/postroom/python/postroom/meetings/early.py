"""What is kept of a cancellation that comes before its meeting, so that an older request that comes later is known.

Orders are carried out in any order. A cancellation of a UID that the calendar lacks is stored as a cancelled object. It
has only the properties that iTIP compares, and the address that it is from. It takes no time, and its bytes count for
the mailbox's quota like those of any other object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.meetings.ics_text import PRODUCT, IcsText, address_of, components, edited, merged, with_values

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from postroom.meetings.ics_text import Line
    from postroom.meetings.meeting import Meeting, Place, Version

CANCELLED_BY: Final = "X-POSTROOM-CANCELLED-BY"
"""Property of a component that stands for a meeting that never came: the author of the cancellation."""

_KEPT: Final = ("UID", "RECURRENCE-ID", "DTSTAMP", "SEQUENCE", "DTSTART", "ORGANIZER")
_EMPTY: Final = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:{PRODUCT}\r\nEND:VCALENDAR\r\n".encode()


def acting(organizer: Line | None) -> set[str]:
    """Return the addresses that may write as an organizer: the organizer's, and SENT-BY."""
    if organizer is None:
        return set()
    return {organizer.address, address_of(organizer.parameters.get("SENT-BY", ""))} - {""}


def author_of(authors: Collection[str], organizer: Line) -> str:
    """Return which of a message's authors acts: the organizer, else an address that the organizer lets act."""
    if organizer.address in authors:
        return organizer.address
    return min(acting(organizer).intersection(authors), default="")


def is_early(stored: Meeting) -> bool:
    """Return whether the calendar has nothing of a meeting but cancellations that came before it."""
    return all(each.is_cancelled and each.component.value(CANCELLED_BY) for each in stored.versions)


def relevant(stored: Meeting | None, organizer: Line | None) -> Meeting | None:
    """Return what the calendar has of a meeting, from the view of a message that names an organizer.

    A cancellation that came first may be a stranger's, of a UID that they know, or of one who says that the organizer
    lets them act. It counts only if this organizer is its organizer, and lets its author act.
    """
    if stored is None or not is_early(stored):
        return stored
    theirs = stored.organizer
    authors = {each.component.value(CANCELLED_BY) for each in stored.versions}
    is_same = organizer is not None and theirs is not None and organizer.address == theirs.address
    return stored if is_same and authors <= acting(organizer) else None


def stored_early(source: IcsText, versions: Iterable[Version], author: str) -> bytes:
    """Return a calendar object that stands for cancelled components of a meeting that has not come."""
    more = [(source, early_component(source, each, author)) for each in versions]
    return merged(IcsText.read(_EMPTY), without=(), more=more)


def early_component(source: IcsText, version: Version, author: str) -> bytes:
    """Return the component that stands for a cancelled one."""
    lines = (version.component.first(name) for name in _KEPT)
    kept = b"".join(source.bytes_of(line) for line in lines if line is not None)
    return b"".join(
        [b"BEGIN:VEVENT\r\n", kept, b"STATUS:CANCELLED\r\n", f"{CANCELLED_BY}:{author}\r\n".encode(), b"END:VEVENT\r\n"]
    )


def cancelled(stored: Meeting, source: IcsText, by: Version, author: str) -> bytes:
    """Return a meeting that is cancelled. It stays in the calendar, so that an older request is known.

    Instances that are older than the cancellation go. Others stay for a request that opens the meeting again; beside a
    cancelled master they take no time.
    """
    text, master = stored.text, stored.master
    former = [each.component for each in stored.instances if each.sequence < by.sequence]
    if master is None:
        return merged(text, without=former, more=[(source, early_component(source, by, author))])
    values = {"STATUS": "CANCELLED"} | _numbers(by)
    block = with_set(text.bytes_of(master.component), values)
    edits = [(each.start, each.end, b"") for each in former]
    return edited(text.text, [*edits, (master.component.start, master.component.end, block)])


def instances_cancelled(stored: Meeting, source: IcsText, instances: Sequence[Version], author: str) -> bytes:
    """Return a meeting of which some instances are cancelled; ``source`` has their components."""
    news: dict[Place, tuple[IcsText, bytes]] = {}
    is_all = is_early(stored)
    for each in instances:
        block = with_set(source.bytes_of(each.component), {"STATUS": "CANCELLED"})
        news[each.place] = (source, early_component(source, each, author) if is_all else block)
    over = [each.place for each in stored.instances if ended_by(each, instances)]
    return exchanged(stored, {*news, *over}, news.values())


def ended_by(version: Version, cancelled_ones: Iterable[Version]) -> bool:
    """Return whether one of some cancelled components ends an instance with all that follow from an earlier one."""
    key = version.key_ms
    return key is not None and any(
        following and begins is not None and key >= begins and each.place != version.place
        for each in cancelled_ones
        if not version.is_newer_than(each)
        for begins, following in [each.place]
    )


def exchanged(stored: Meeting, former: Collection[Place], more: Iterable[tuple[IcsText, bytes]]) -> bytes:
    """Return a meeting without the components at some places, and with others."""
    without = [each.component for each in stored.versions if each.place in former]
    return merged(stored.text, without=without, more=more)


def with_set(block: bytes, values: Mapping[str, str]) -> bytes:
    """Return a component with properties set."""
    (component,) = components(block)
    return with_values(block, component, values)


def _numbers(version: Version) -> dict[str, str]:
    values = {name: version.component.value(name) for name in ("SEQUENCE", "DTSTAMP")}
    return {name: value for name, value in values.items() if value}
