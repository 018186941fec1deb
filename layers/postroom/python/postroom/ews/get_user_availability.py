"""GetUserAvailability: free/busy information of mailboxes, in the view that the client asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postroom.access.decision import MailboxObject
from postroom.contracts.audit_log import MailboxAction
from postroom.contracts.ews import availability, free_busy
from postroom.model.addresses import MAX_ADDRESS_CHARACTERS
from postroom.model.folders import Folder
from postroom.model.free_busy import FailureCode, MailboxFailure, Question, Requester

if TYPE_CHECKING:
    from collections.abc import Iterable

    from lxml.etree import _Element as Element

    from postroom.contracts.ews.soap import Call
    from postroom.ews.context import Asking, Context
    from postroom.model.free_busy import MailboxResult


def answer(call: Call, asking: Asking, context: Context) -> Element:
    """Answer every mailbox in the order of the request.

    Raises:
        FaultError: the request as a whole is refused.
        InvalidQuestionError: the same, by query_availability.
        StoreUnavailableError: query_availability did not answer.
    """
    request = availability.read_request(call.request, call.header)
    caller = asking.caller
    requester = Requester(caller.email, caller.user_name, caller.organization_id, caller.user_id, asking.origin)
    mailboxes = tuple(each for each in request.mailboxes if len(each) <= MAX_ADDRESS_CHARACTERS)
    question = Question(requester, mailboxes, request.start_ms, request.end_ms, asking.is_passed_on)
    answers = iter(context.availability.ask(question) if mailboxes else ())
    results = [next(answers) if len(each) <= MAX_ADDRESS_CHARACTERS else _TOO_LONG for each in request.mailboxes]
    _record(results, asking, context)
    return free_busy.write_answer(request, [_kept_apart(result) for result in results])


def _record(results: Iterable[MailboxResult], asking: Asking, context: Context) -> None:
    """Record each calendar of the organization that was read, or closed to the user; each owner once."""
    reads = {read.owner_id: read for result in results for read in result.reads}
    for read in reads.values():
        calendar = MailboxObject(read.owner_id, Folder.CALENDAR, (Folder.CALENDAR,))
        act = context.access.act(asking.admission, MailboxAction.READ_SUMMARY, calendar, folder_allows=read.allowed)
        asking.records.append(act.record)


_TOO_LONG: Final = MailboxFailure("", FailureCode.MAIL_RECIPIENT_NOT_FOUND, "No address is so long.")


def _kept_apart(result: MailboxResult) -> MailboxResult:
    """Return a failure with the one code that clients keep apart from the answers of other mailboxes.

    exchangelib 5.6.0 raises every other code of a mailbox and loses the other mailboxes; for ErrorServerBusy and
    ErrorTimeoutExpired it even asks again. The text has the code itself.
    """
    if not isinstance(result, MailboxFailure) or result.code is FailureCode.MAIL_RECIPIENT_NOT_FOUND:
        return result
    text = f"{result.code}: {result.message}"
    return MailboxFailure(result.mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, text)
