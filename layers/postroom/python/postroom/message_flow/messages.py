"""The two operations of the Message Flow API, for messages in transit."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from postroom.contracts.message_flow import (
    GET,
    PUT,
    AccessDeniedException,
    MessageFrozen,
    ResourceNotFoundException,
)
from postroom.contracts.orders import RawLocation
from postroom.errors import ConflictError, MessageNotFoundError
from postroom.message_flow import criteria
from postroom.mime.headers import read_headers
from postroom.model.facts import RECEIVED, SUBMITTED, Fact, OwnFact, split_trace, traces_of_message
from postroom.model.limits import CONFLICT_ATTEMPTS, MAX_STORED_BYTES
from postroom.ports.transit import Commit, Outcome
from postroom.submission.prepare import without_bcc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postroom.contracts.message_flow import S3Reference
    from postroom.message_flow.callers import Callers
    from postroom.model.principals import Principal
    from postroom.ports.customer_objects import CustomerObjects
    from postroom.ports.directory import MailboxOwners
    from postroom.ports.ledger import Ledger
    from postroom.ports.message_contents import FlowContents
    from postroom.ports.raw_mail import RawMail
    from postroom.ports.transit import Transit

PLAIN: Final = ("inbound/", "transit/")
"""What the keys of messages begin with that are stored in plain. A submitted message is sealed only, unless a rule's
function is called about it, or it has recipients inside."""

BLOCKED: Final = "FAIL"
"""The virus verdict that blocks a message: no mailbox and no rule function gets it."""


@dataclass(frozen=True, slots=True)
class MessageFlow:
    """The operations.

    ``now`` returns milliseconds since the epoch. ``available_ms`` is how long a message is available, in milliseconds
    from the opening of its flow.
    """

    callers: Callers
    owners: MailboxOwners
    ledger: Ledger
    raw: RawMail
    transit: Transit
    objects: CustomerObjects
    now: Callable[[], int]
    available_ms: int

    def get(self, message_id: str, caller: Principal) -> bytes:
        """Return the content that was put last, or the original message.

        Raises:
            AccessDeniedException: the message is not for this caller.
            ResourceNotFoundException: no message has this id, or it is not available any more.
            TemporaryError: a store did not answer.
        """
        received = self._received(GET, message_id, caller)
        current = self.transit.contents(received.trace).current
        try:
            return self.raw.read(current.raw if current else _original(received))
        except MessageNotFoundError as error:
            raise _not_found(message_id) from error

    def put(self, message_id: str, reference: S3Reference, caller: Principal) -> None:
        """Replace the message's content, for the rule that waits for its function, and for later Gets.

        Raises:
            AccessDeniedException, ResourceNotFoundException: as above.
            InvalidContentLocation: the content cannot be read from ``reference``.
            MessageRejected: the content does not meet the criteria.
            MessageFrozen: the content of this message may not be replaced any more.
            TemporaryError: a store did not answer, or other writers were faster ``CONFLICT_ATTEMPTS`` times.
        """
        received = self._received(PUT, message_id, caller)
        self._unfrozen(received.trace)
        content = self.objects.read(reference, received.organization_id, limit_bytes=MAX_STORED_BYTES)
        try:
            original = read_headers(partial(self.raw.head, _original(received))).headers
        except MessageNotFoundError as error:
            raise _not_found(message_id) from error
        criteria.check(content, original)
        if received.key == SUBMITTED:  # as of what was submitted
            content = without_bcc(content)
        # named by its hash: the same content is the same object again, and no object is overwritten
        name = f"transit/{received.trace}/content-{hashlib.sha256(content).hexdigest()}"
        self._record(received, self.raw.keep(name, content), len(content))

    def _record(self, received: Fact, raw: RawLocation, size_bytes: int) -> None:
        for _ in range(CONFLICT_ATTEMPTS):
            before = self._unfrozen(received.trace)
            after = before.put(raw, size_bytes)
            fact = self._fact(received, after, raw, size_bytes)
            try:
                outcome = self.transit.commit(Commit(facts=[fact], contents=after))
            except ConflictError:  # another transaction held the row
                continue
            if outcome is Outcome.DONE:
                return
        raise ConflictError("other writers kept changing the contents of this flow")

    def _unfrozen(self, trace: str) -> FlowContents:
        contents = self.transit.contents(trace)
        if contents.frozen:
            raise MessageFrozen("The message was redirected; its content cannot be replaced any more.")
        return contents

    def _fact(self, received: Fact, after: FlowContents, raw: RawLocation, size_bytes: int) -> Fact:
        runs = sorted(run for run, slot in after.slots.items() if not slot.closed)
        return Fact(
            trace=received.trace,
            organization_id=received.organization_id,
            name=OwnFact.CONTENT_PUT,
            key=f"{OwnFact.CONTENT_PUT.value}:{after.puts}",
            at=self.now(),
            data={"raw": raw.model_dump(), "size": size_bytes, "runs": runs},
        )

    def _received(self, operation: str, message_id: str, caller: Principal) -> Fact:
        """Return the fact that opened the message's flow; the message is available from that time on.

        Raises:
            AccessDeniedException: the message is not for this caller, which is not told whether it exists.
            ResourceNotFoundException: no message has this id, it is not available (any more), it is blocked, or its
                organization is being deleted.
        """
        traces = traces_of_message(message_id)
        if not self.callers.may_ask(caller) or (traces and not self.callers.may_have(caller, traces)):
            raise AccessDeniedException(caller.arn, operation, message_id if traces else "*")
        received = self._opening(traces)
        if (
            received is None
            or not _original(received).key.startswith(PLAIN)
            or self.now() - received.at >= self.available_ms
            or received.data.get("virusVerdict") == BLOCKED
        ):
            raise _not_found(message_id)
        if not self.owners.is_active(received.organization_id):
            raise _not_found(message_id)
        return received

    def _opening(self, traces: Sequence[str]) -> Fact | None:
        """Return the fact that opened a flow: the message was received, or submitted."""
        places = [(trace, RECEIVED) for trace in traces]
        places += [(trace, SUBMITTED) for trace in traces if split_trace(trace) is None]
        openings = (self.ledger.fact(*place) for place in places)
        return next((fact for fact in openings if fact is not None), None)


def _original(received: Fact) -> RawLocation:
    return RawLocation(**received.data["raw"])


def _not_found(message_id: str) -> ResourceNotFoundException:
    named = f"the id {message_id}" if traces_of_message(message_id) else "this id"
    return ResourceNotFoundException(f"No message in transit has {named}.")
