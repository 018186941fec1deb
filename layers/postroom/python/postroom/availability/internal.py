"""Mailboxes of the requester's organization, from their calendars."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from postroom.errors import (
    NoFreeBusyAccessError,
    PostroomError,
    TemporaryError,
    TooManyInstancesError,
    UnknownMailboxError,
)
from postroom.model.directory import EntityKind, EntityState
from postroom.model.free_busy import BusyType, FailureCode, MailboxAvailability, MailboxFailure, in_order

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

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

    def ask(self, mailbox: str, owner: Addressee | None, question: Question) -> MailboxResult:
        """Return the result of one address of the organization.

        An address without an entity, or of one that is not enabled, has no mailbox, as in Exchange. A group answers
        with the times at which any of its members is not free, without details and working hours.

        Args:
            owner: the entity that has the address; not a REMOTE_USER, whose calendar is elsewhere.
        """
        try:
            if owner is not None and owner.has_mailbox:
                return self._mailbox(mailbox, owner, question)
            if owner is not None and owner.kind is EntityKind.GROUP and owner.state is EntityState.ENABLED:
                return self._group(mailbox, owner, question)
        except PostroomError as error:
            return failure(mailbox, error)
        return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, "there is no such mailbox")

    def _mailbox(self, mailbox: str, owner: Addressee, question: Question) -> MailboxResult:
        events, hours = self._events(owner, question)
        return MailboxAvailability(mailbox, in_order(events), hours)

    def _group(self, mailbox: str, group: Addressee, question: Question) -> MailboxResult:
        members: dict[str, Addressee] = {}
        for visits, member in enumerate(self._members(group, question.requester.organization_id), 1):
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
            for event in self._events(member, question)[0]
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

    def _events(self, owner: Addressee, question: Question) -> tuple[Sequence[BusyEvent], WorkingHours | None]:
        return self.calendars.ask(
            owner.entity_id, question.start_ms, question.end_ms, requester_id=question.requester.user_id
        )


def failure(mailbox: str, error: PostroomError) -> MailboxFailure:
    """Return the failure of a mailbox for an error of ours; the text tells nothing of what is inside."""
    if isinstance(error, TemporaryError):
        return MailboxFailure(mailbox, FailureCode.SERVER_BUSY, "a table did not answer; try again")
    code, said = SAID.get(type(error), (FailureCode.FREE_BUSY_GENERATION_FAILED, "the calendar cannot be read"))
    return MailboxFailure(mailbox, code, said)
