"""Answers a question: mailboxes are grouped by domain, and every domain is asked in a thread of its own.

The answer waits for no thread beyond its time: each thread stores the results that it has, and a mailbox without one at
the end has ErrorTimeoutExpired. A thread that is left behind ends by its clients' timeouts; it may still write the fact
of its call.
"""

from __future__ import annotations

import traceback
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from postroom.availability.asking import Asking
from postroom.availability.internal import failure
from postroom.errors import PostroomError
from postroom.model.addresses import Address
from postroom.model.directory import Role
from postroom.model.free_busy import FailureCode, MailboxFailure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from postroom.availability.internal import InternalMailboxes
    from postroom.availability.providers import Providers
    from postroom.model.directory import Addressee
    from postroom.model.free_busy import MailboxResult, Question
    from postroom.ports.directory import Addressees, AvailabilityConfigurations

ANSWER_WITHIN_S: Final = 25.7
"""Seconds after which a question is answered, whatever is missing: a provider has 25, and clients wait 30. Ours."""

CALENDAR_THREADS: Final = 8
"""Most calendars that are read at once for one question. Ours."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The results of a question, and errors that are ours, for the function's log: their types and places."""

    results: tuple[MailboxResult, ...]
    troubles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AvailabilityQuery:
    """Answers questions. ``organization_arn`` returns an organization's ARN."""

    directory: Addressees
    configurations: AvailabilityConfigurations
    internal: InternalMailboxes
    providers: Providers
    organization_arn: Callable[[str], str]
    answer_within_s: float = ANSWER_WITHIN_S

    def answer(self, question: Question, request_id: str) -> Answered:
        """Return one result per mailbox, in the order of the question, within ``answer_within_s``.

        Args:
            request_id: names the request in facts.
        """
        names = {mailbox: _name(mailbox) for mailbox in question.mailboxes}
        domains: dict[str, list[str]] = {}
        for name in dict.fromkeys(names.values()):
            domains.setdefault(name.rpartition("@")[2], []).append(name)
        domains.pop("", None)
        run = _Run(self, question, request_id)
        troubles = run.all(domains)
        return Answered(tuple(self._result(mailbox, names[mailbox], run) for mailbox in question.mailboxes), troubles)

    def _result(self, mailbox: str, name: str, run: _Run) -> MailboxResult:
        found = run.results.get(name)
        if found is not None:
            return replace(found, mailbox=mailbox)
        if not name:
            return MailboxFailure(mailbox, FailureCode.MAIL_RECIPIENT_NOT_FOUND, "this is no address")
        if name in run.failed:
            return MailboxFailure(mailbox, FailureCode.FREE_BUSY_GENERATION_FAILED, "an error of the mail system")
        return MailboxFailure(mailbox, FailureCode.TIMEOUT_EXPIRED, "there was no answer in time")


class _Run:
    """One question under way. Threads store ``results`` by the mailbox's address, lower-case."""

    def __init__(self, query: AvailabilityQuery, question: Question, request_id: str) -> None:
        self.query, self.question, self.request_id = query, question, request_id
        self.results: dict[str, MailboxResult] = {}
        self.failed: set[str] = set()

    def all(self, domains: dict[str, list[str]]) -> tuple[str, ...]:
        """Ask about every domain, and wait; return the errors that are ours."""
        if not domains:
            return ()
        pool = ThreadPoolExecutor(len(domains), "domain")
        asked = {pool.submit(self._domain, domain, names): names for domain, names in domains.items()}
        done, _ = wait(asked, timeout=self.query.answer_within_s)
        pool.shutdown(wait=False, cancel_futures=True)
        return self._troubles(done, asked)

    def _troubles(self, done: set[Future[None]], asked: dict[Future[None], list[str]]) -> tuple[str, ...]:
        troubles = []
        for each in done:
            error = each.exception()
            if error is not None and not isinstance(error, Exception):
                raise error  # the process ends
            if error is not None:
                self.failed.update(asked[each])
                troubles.append(_place_of(error))
        return tuple(troubles)

    def _domain(self, domain: str, names: Sequence[str]) -> None:
        organization_id = self.question.requester.organization_id
        try:
            registered = self.query.directory.domain(domain)
            if registered is not None and registered.organization.id == organization_id:
                self._internal(domain, names)
            else:
                self._external(domain, names)
        except PostroomError as error:
            for name in names:
                self.results.setdefault(name, failure(name, error))

    def _internal(self, domain: str, names: Sequence[str]) -> None:
        """Ask the calendars of the organization, and at once the domain's provider about users who are elsewhere."""
        owners = self.query.directory.resolve(self.question.requester.organization_id, names)
        remote = [name for name in names if name in owners and owners[name].role is Role.REMOTE_USER]
        with ThreadPoolExecutor(CALENDAR_THREADS + bool(remote), "calendar") as pool:
            asked = [pool.submit(self._external, domain, remote)] if remote else []
            asked += [pool.submit(self._calendar, name, owners.get(name)) for name in names if name not in remote]
        for each in asked:
            each.result()

    def _calendar(self, name: str, owner: Addressee | None) -> None:
        self.results[name] = self.query.internal.ask(name, owner, self.question)

    def _external(self, domain: str, names: Sequence[str]) -> None:
        """Ask the provider of a domain."""
        question, query = self.question, self.query
        if question.is_passed_on:
            self._no_provider(names, "a question of another mail system is not passed on")
            return
        organization_id = question.requester.organization_id
        configuration = query.configurations.availability(organization_id, domain)
        if configuration is None:
            self._no_provider(names, f"no availability provider is configured for {domain}")
            return
        arn = query.organization_arn(organization_id)
        asking = Asking(question.requester, arn, self.request_id, names, question.start_ms, question.end_ms)
        self.results |= query.providers.ask(configuration, asking)

    def _no_provider(self, names: Sequence[str], said: str) -> None:
        code = FailureCode.AVAILABILITY_CONFIG_NOT_FOUND
        self.results |= {name: MailboxFailure(name, code, said) for name in names}


def _place_of(error: Exception) -> str:
    """Return an error's type and where it was raised; its text may quote an address or an event."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {PurePath(last.filename).name}, line {last.lineno}"


def _name(mailbox: str) -> str:
    """Return an address in lower case with A-labels; empty if it is none."""
    address = Address.parse(mailbox)
    return str(address) if address is not None and address.is_bare else ""
