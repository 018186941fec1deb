"""Mailboxes of the requester's organization, from their calendars."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.access.permissions import has_full_access
from postroom.errors import (
    NoFreeBusyAccessError,
    PostroomError,
    TemporaryError,
    TooManyInstancesError,
    UnknownMailboxError,
)
from postroom.model.directory import EntityKind, EntityState
from postroom.model.free_busy import (
    BusyType,
    CalendarRead,
    FailureCode,
    MailboxAvailability,
    MailboxFailure,
    in_order,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from postroom.access.permissions import PermissionRecords
    from postroom.model.directory import Addressee
    from postroom.model.free_busy import BusyEvent, MailboxResult, Question, WorkingHours
    from postroom.ports.calendar_busy import CalendarBusy
    from postroom.ports.directory import Addressees

MAX_MEMBERS: Final = 100
"""Most mailboxes of a group that is asked about. Source: Microsoft's EWS reference, ErrorFreeBusyDLLimitReached; the
number is the one for the mailboxes of a request, ``MAX_MAILBOXES``."""

MAX_VISITS: Final = 1_000
"""Most members of a group and its groups that are looked at. Ours."""


SAID: Final[Mapping[type[PostroomError], tuple[FailureCode, str]]] = {
    UnknownMailboxError: (FailureCode.MAIL_RECIPIENT_NOT_FOUND, "there is no such mailbox"),
    NoFreeBusyAccessError: (FailureCode.FREE_BUSY_GENERATION_FAILED, "you have no access to this calendar"),
    TooManyInstancesError: (FailureCode.FREE_BUSY_GENERATION_FAILED, "the calendar has too many events in this window"),
}
"""Codes and texts of errors of calendars; of every other one nothing is told."""


@dataclass(frozen=True, slots=True)
class InternalMailboxes:
    """Asks calendars. Safe for any thread."""

    directory: Addressees
    calendars: CalendarBusy
    permissions: PermissionRecords

    def ask(self, mailbox: str, owner: Addressee | None, question: Question) -> MailboxResult:
        """Return the result of one address of the organization, with the calendars that were read for it.

        An address without an entity, or of one that is not enabled, has no mailbox, as in Exchange. A group answers
        with the times at which any of its members is not free, without details and working hours.

        Args:
            owner: the entity that has the address; not a REMOTE_USER, whose calendar is elsewhere.
        """
        reading = _Reading(self, question)
        try:
            result = self._ask(mailbox, owner, reading)
        except PostroomError as error:
            result = failure(mailbox, error)
        return replace(result, reads=tuple(reading.reads.values()))

    def _ask(self, mailbox: str, owner: Addressee | None, reading: _Reading) -> MailboxResult:
        if owner is not None and owner.has_mailbox:
            events, hours = reading.events(owner)
            return MailboxAvailability(mailbox, in_order(events), hours)
        if owner is not None and owner.kind is EntityKind.GROUP and owner.state is EntityState.ENABLED:
            return self._group(mailbox, owner, reading)
        return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, "there is no such mailbox")

    def _group(self, mailbox: str, group: Addressee, reading: _Reading) -> MailboxResult:
        members: dict[str, Addressee] = {}
        for visits, member in enumerate(self._members(group, reading.question.requester.organization_id), 1):
            members |= {member.entity_id: member} if member.has_mailbox else {}
            if len(members) > MAX_MEMBERS or visits > MAX_VISITS:
                said = f"the group has more than {MAX_MEMBERS} members"
                return MailboxFailure(mailbox, FailureCode.FREE_BUSY_GENERATION_FAILED, said)
        if not members:
            said = "the group has no members that have a mailbox"
            return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, said)
        busy = {
            replace(event, details=None)
            for member in members.values()
            for event in reading.events(member)[0]
            if event.busy_type is not BusyType.FREE
        }
        return MailboxAvailability(mailbox, in_order(busy))

    def _members(self, group: Addressee, organization_id: str) -> Iterator[Addressee]:
        """Yield members breadth-first; each nested group is visited once."""
        seen, waiting = {group.entity_id}, [group.entity_id]
        while waiting:
            for member in self.directory.members(organization_id, waiting.pop(0)):
                is_group = member.kind is EntityKind.GROUP and member.state is EntityState.ENABLED
                if is_group and member.entity_id not in seen:
                    seen.add(member.entity_id)
                    waiting.append(member.entity_id)
                yield member


class _Reading:
    """The calendars that are read for one address, by their owners' ids: ``reads``."""

    def __init__(self, mailboxes: InternalMailboxes, question: Question) -> None:
        self.question = question
        self.reads: dict[str, CalendarRead] = {}
        self._mailboxes = mailboxes

    def events(self, owner: Addressee) -> tuple[Sequence[BusyEvent], WorkingHours | None]:
        """Return events and working hours; FULL_ACCESS to a mailbox opens the times of a calendar that is closed."""
        owner_id, requester = owner.entity_id, self.question.requester
        self.reads[owner_id] = CalendarRead(owner_id, allowed=True)
        try:
            return self._calendar(owner_id, requester.user_id)
        except UnknownMailboxError:
            del self.reads[owner_id]
            raise
        except NoFreeBusyAccessError:
            if not has_full_access(self._mailboxes.permissions, requester.organization_id, requester.user_id, owner_id):
                self.reads[owner_id] = CalendarRead(owner_id, allowed=False)
                raise
        events, _ = self._calendar(owner_id, owner_id)
        return [replace(event, details=None) for event in events], None

    def _calendar(self, owner_id: str, requester_id: str) -> tuple[Sequence[BusyEvent], WorkingHours | None]:
        window = self.question.start_ms, self.question.end_ms
        return self._mailboxes.calendars.ask(owner_id, *window, requester_id=requester_id)


def failure(mailbox: str, error: PostroomError) -> MailboxFailure:
    """Return the failure of a mailbox for an error of ours; the text tells nothing of what is inside."""
    if isinstance(error, TemporaryError):
        return MailboxFailure(mailbox, FailureCode.SERVER_BUSY, "a table did not answer; try again")
    code, said = SAID.get(type(error), (FailureCode.FREE_BUSY_GENERATION_FAILED, "the calendar cannot be read"))
    return MailboxFailure(mailbox, code, said)
