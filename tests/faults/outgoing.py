"""What users submit and what leaves: the evidence of outbound flows, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from postroom.contracts.outbound_orders import end_key
from postroom.model.facts import inside_trace, submission_trace
from tests.support.builders import ORG

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

AUTHOR = "ann"
"""The user who submits."""

LEFT: Final = {"OUTGOING_EMAIL_SENT", "JOURNALING_INITIATED"}
"""Facts that say that SES, or another way, took a message."""

BY_SES: Final = "sesMessageId"
BY_GATEWAY: Final = "gatewayId"
"""Members of these facts that name the way."""


@dataclass(frozen=True, slots=True)
class Transmitted:
    """A message that SES was given by its API v2, or that a gateway has taken."""

    recipients: tuple[str, ...]
    content: str


class Recorded(Protocol):
    """A fact."""

    @property
    def trace(self) -> str: ...
    @property
    def key(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def event(self) -> Mapping[str, Any]: ...
    @property
    def data(self) -> Mapping[str, Any]: ...


def is_transmission(sent: str) -> bool:
    """Say whether a message of SES's is one that leaves, not a bounce message to a sender outside."""
    return not sent.startswith("{") and "report-type=delivery-status" not in sent


def traces_of(submitted: Iterable[str]) -> dict[str, str]:
    """Return the messages' names by the traces of their flows: the submission's, and that of recipients inside."""
    traces = {submission_trace(ORG, AUTHOR, name): name for name in submitted}
    return traces | {inside_trace(trace): name for trace, name in traces.items()}


def submitter(fact: Recorded) -> list[str]:
    """Return the mailbox with the copy in Sent Items; replies of mailboxes have none."""
    return [fact.data["mailboxId"]] if "itemId" in fact.data else []


def refused(fact: Recorded) -> list[str]:
    """Return the recipient; one that SES reports later was sent the message first."""
    recipient = str(fact.event["destination"])
    return [recipient] if fact.key == end_key(recipient) else [f"{recipient}, later"]


def wrong_transmissions(
    facts: Iterable[Recorded], way: str, transmitted: Iterable[Transmitted], *, most: int
) -> Iterator[tuple[bool, str]]:
    """Yield what is lost (``True``) or sent too often: each recipient that a way was given gets the message once.

    Args:
        transmitted: what took this way.
        most: how often a message may leave: twice if its call, or the call after it, went wrong.
    """
    sent = list(transmitted)
    left = [
        (str(fact.event.get("recipient", fact.event.get("journalingAddress"))), fact)
        for fact in facts
        if fact.name in LEFT and way in fact.data
    ]
    for recipient, fact in left:
        number = sum(recipient in each.recipients for each in sent)
        if not number:
            yield True, f"{fact.trace}: {recipient} was never sent the message"
        if number > most:
            yield False, f"{fact.trace}: {recipient} was sent the message {number} times"
    for each in sent:
        for recipient in set(each.recipients) - {to for to, _ in left}:
            yield False, f"{recipient} was sent a message, and no fact says so"


def changed(relayed: Iterable[Transmitted], submitted: Iterable[bytes]) -> Iterator[str]:
    """Yield what a gateway has that is not what a user submitted, under one Received field."""
    contents = {content.decode() for content in submitted}
    for each in relayed:
        received, _, content = each.content.partition("\r\n")
        if not received.startswith("Received: by acme.test (Postroom) id ") or content not in contents:
            yield f"the gateway has a message for {', '.join(each.recipients)} that was not submitted"
