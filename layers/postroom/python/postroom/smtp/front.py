"""One mail client's session: its login, the recipients that it may name, and its messages.

A session is authenticated once, and access rules are evaluated at the login and before each further message, so a
changed rule counts from the next message on. The records of both are kept before the client is answered. A message is
submitted by ``Submits``, which checks the user again, and in whose name the message is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from postroom.access.authenticate import check
from postroom.contracts import audit_log
from postroom.contracts.audit_log import Protocol, Request
from postroom.errors import PermanentError, PostroomError, SubmissionRefusedError
from postroom.mime.headers import Headers
from postroom.model.limits import DAY_MS, HOUR_MS, MAX_RECIPIENTS
from postroom.model.logins import Attempt
from postroom.smtp import replies
from postroom.smtp.replies import Reply
from postroom.submission.recipients import recipient
from postroom.submission.submission import Protocols, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from postroom.access.decision import Access, Admission
    from postroom.contracts.audit_log import AuditRecord
    from postroom.contracts.http_basic import Credentials
    from postroom.model.addresses import Address
    from postroom.model.callers import Caller
    from postroom.model.logins import Outcome
    from postroom.ports.audit_trail import AuditTrail
    from postroom.ports.directory import Accounts
    from postroom.ports.passwords import Passwords
    from postroom.submission.submission import Submits

MAX_FAILURES: Final = 3
"""Logins of one session that may fail. Ours; RFC 4954 leaves it open, and ``access/guesses.py`` slows guessers down."""

LOGIN_MS: Final = HOUR_MS
"""How long a login counts, in milliseconds; then the client has to connect again. Ours: a password that is changed, or
a token that is deleted, does not end a session."""


@dataclass(frozen=True, slots=True)
class Front:
    """What all sessions share; their calls may come from several threads.

    Attributes:
        now_ms: returns milliseconds since the epoch.
        new_id: returns text that nothing else has.
    """

    accounts: Accounts
    passwords: Passwords
    access: Access
    trail: AuditTrail
    submits: Submits
    now_ms: Callable[[], int]
    new_id: Callable[[], str]
    _rules: Lock = field(default_factory=Lock)

    def admit(self, request: Request) -> Admission:
        """Evaluate access rules, one session at a time: what is kept of them is not made for threads.

        Raises:
            PostroomError: the organization is gone, or the directory did not answer.
        """
        with self._rules:
            return self.access.admit(request)


@dataclass(slots=True)
class Session:
    """One connection of a client. No method raises a PostroomError: each is an answer.

    Attributes:
        source_ip: the client's address.
    """

    front: Front
    source_ip: str
    _caller: Caller | None = None
    _since_ms: int = 0
    _failures: int = 0
    _is_admitted: bool = False

    def log_in(self, readings: Sequence[Credentials]) -> Reply:
        """Authenticate the session.

        Args:
            readings: what the client's bytes can mean; none counts as a failure.
        """
        front, now = self.front, self.front.now_ms()
        attempt = Attempt("", Protocol.SMTP.value, self.source_ip, now)
        try:
            outcome = check(readings, attempt, front.accounts, front.passwords)
            request = self._request(outcome.organization.id if outcome.organization else "", outcome.user_id, now)
            admission = front.admit(request) if outcome.caller else None
            front.trail.record(_records(request, outcome, admission))
        except PostroomError as error:
            return Reply(replies.LOGIN_LATER, {"unavailable": error.cause})
        said = {"organization_id": request.organization_id, "user_id": request.user_id}
        if outcome.caller is None:
            return self._failed(said | {"failed": str(outcome.reason or "NO_CREDENTIALS")})
        if admission is None or admission.refusal is not None:
            refused = str(admission.refusal) if admission else ""
            return Reply(replies.DENIED.format(refused), said | {"denied": refused})
        self._caller, self._since_ms, self._is_admitted = outcome.caller, now, True
        return Reply(replies.LOGGED_IN, said)

    def _failed(self, said: dict[str, str]) -> Reply:
        self._failures += 1
        if self._failures < MAX_FAILURES:
            return Reply(replies.WRONG, said)
        return Reply(replies.TOO_MANY_LOGINS, said, closes=True)

    def begin(self) -> Reply:
        """Answer MAIL. Its address is not used: reports of failures go to the user, whatever From has."""
        caller, now = self._known(), self.front.now_ms()
        if now >= self._since_ms + LOGIN_MS:
            return Reply(replies.LOGIN_TOO_OLD, closes=True)
        if self._is_admitted:
            self._is_admitted = False
            return replies.OK
        try:
            admission = self.front.admit(self._request(caller.organization_id, caller.user_id, now))
            self.front.trail.record(admission.records)
        except PermanentError as error:
            return Reply(replies.DENIED.format("the organization is gone"), {"denied": error.cause}, closes=True)
        except PostroomError as error:
            return Reply(replies.LATER, {"unavailable": error.cause})
        if admission.refusal is None:
            return replies.OK
        said = {"organization_id": caller.organization_id, "user_id": caller.user_id}
        return Reply(replies.DENIED.format(admission.refusal), said | {"denied": str(admission.refusal)})

    def recipient(self, text: str, known: Collection[Address]) -> Address | Reply:
        """Return the recipient that RCPT names, or why it is none of this message.

        Args:
            text: the path without brackets; the domain may be Unicode or have A-labels.
            known: the message's recipients so far; which of those that differ in case are one, submit knows.
        """
        try:
            address = recipient(text)
        except SubmissionRefusedError as error:
            return replies.refusal(error)
        return replies.TOO_MANY_RECIPIENTS if len({*known, address}) > MAX_RECIPIENTS else address

    def submit(self, recipients: Collection[Address], content: bytes) -> Reply:
        """Submit a message, and answer once it is in Sent Items and on its way."""
        caller = self._known()
        names = tuple(dict.fromkeys(map(str, recipients)))
        said = {"organization_id": caller.organization_id, "user_id": caller.user_id}
        submission = Submission(
            organization_id=caller.organization_id,
            user_id=caller.user_id,
            content=content,
            token=self._token(names, content),
            protocol=Protocols.SMTP,
            recipients=names,
            source_ip=self.source_ip,
        )
        try:
            done = self.front.submits.submit(submission)
        except SubmissionRefusedError as error:
            refused = replies.refusal(error)
            return Reply(refused.text, {**said, **refused.log})
        except PostroomError as error:
            return Reply(replies.LATER, said | {"unavailable": error.cause})
        return Reply(replies.ACCEPTED.format(done.trace), said | {"trace": done.trace})

    def _token(self, recipients: Sequence[str], content: bytes) -> str:
        """Return what makes two submissions the same one.

        A client that got no answer sends the same bytes to the same recipients again. They are the same message if they
        have a Message-ID (RFC 5322, 3.6.4), on the same day in UTC: a user may send an old message again. Without one
        they may be another message with the same text.
        """
        if not Headers.of(content).has("Message-ID"):
            return f"{Protocols.SMTP}:{self.front.new_id()}"
        digest = hashlib.sha256(f"{self.front.now_ms() // DAY_MS}\0{chr(0).join(sorted(recipients))}\0\0".encode())
        digest.update(content)
        return f"{Protocols.SMTP}:{digest.hexdigest()}"

    def _known(self) -> Caller:
        if self._caller is None:
            raise RuntimeError("the session is not authenticated")
        return self._caller

    def _request(self, organization_id: str, user_id: str, now: int) -> Request:
        """Return what the records of one login or message have in common; the ARN is the organization's row's."""
        return Request(
            id=self.front.new_id(),
            organization_id=organization_id,
            organization_arn="",
            at_ms=now,
            protocol=Protocol.SMTP,
            source_ip=self.source_ip,
            user_id=user_id,
        )


def _records(request: Request, outcome: Outcome, admission: Admission | None) -> list[AuditRecord]:
    """Return the records of a login. One that names no organization has none: they would belong to none."""
    if outcome.organization is None:
        return []
    request = replace(request, organization_arn=outcome.organization.arn)
    attempted = audit_log.authentication(
        request,
        user=outcome.user,
        method=outcome.method,
        failed_reason=outcome.reason.value if outcome.reason else "",
        personal_access_token_id=outcome.personal_access_token_id,
    )
    return [attempted, *(admission.records if admission else ())]
