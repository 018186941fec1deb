"""What must hold when a run is over: each check looks at the evidence and says what is wrong with it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from tests.faults.evidence import ENDS, PASSING, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.evidence import Evidence, Mailbox
    from tests.faults.scenario import Scenario

AUTOMATIC: Final = b"Auto-Submitted: auto-generated"
"""What our own notices carry."""


ORDERS: Final = ("run_sync_rule", "run_async_rule", "deliver", "bounce")
"""Queues of what stands open in transit."""


class Kind(StrEnum):
    """How bad it is: the columns of the table."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not hold."""

    kind: Kind
    text: str


class Check(Protocol):
    """Looks at the evidence of one run."""

    def __call__(self, found: Evidence, scenario: Scenario) -> Iterator[Finding]: ...


def every_recipient_is_in_exactly_one_state(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 1: in transit, delivered, bounced, dropped by name, or parked; never nothing, never two."""
    states = list(found.states)
    where = defaultdict(list)
    for each in states:
        where[each.letter, each.who].append(each.state)
    wanted = {(end.letter, end.who): end.state for end in scenario.ends}
    for whom, state in wanted.items():
        if whom not in where:
            yield Finding(Kind.LOST, f"{_named(whom)} is nowhere, not {state}")
        elif where[whom] != [state] and len(where[whom]) == 1:
            yield Finding(Kind.WRONG, f"{_named(whom)} is {where[whom][0]}, not {state}")
    for whom, its_states in where.items():
        if scenario.erased and whom[1].startswith("arrival"):
            continue  # announced once more when there is no organization any more: parked, and given up
        if len(its_states) > 1:
            yield Finding(Kind.DUPLICATED, f"{_named(whom)} is {' and '.join(sorted(its_states))}")
        if whom not in wanted:
            yield Finding(Kind.WRONG, f"{_named(whom)} is {its_states[0]}, and nobody asked for that")


def each_mailbox_has_one_copy_byte_for_byte(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariants 3, 4 and 10: one copy per mailbox and SES message, and its bytes are what SES stored."""
    letters = found.sent
    copies: Counter[State] = Counter()
    for mailbox in found.mailboxes.values():
        for copy in mailbox.copies:
            name = letters.get(copy.content or b"")
            if name is not None:
                copies[State(name, copy.mailbox, "delivered")] += 1
            elif AUTOMATIC in (copy.content or b""):
                copies[State(_noticed(scenario, copy.mailbox), f"{copy.mailbox}'s notice", "noticed")] += 1
            else:
                yield Finding(Kind.LOST, f"a copy of {copy.mailbox} is missing or not what was sent: {copy.blob}")
            if copy.content is not None and copy.size != len(copy.content):
                yield Finding(Kind.WRONG, f"a copy of {copy.mailbox} says another size")
    wanted = {end.place: end for end in scenario.ends if end.state in {"delivered", "noticed"} and not scenario.erased}
    for state in wanted.keys() - copies.keys():
        yield Finding(Kind.LOST, f"{state.who} has no copy of {state.letter}")
    for state, number in copies.items():
        if number > 1:
            yield Finding(Kind.DUPLICATED, f"{state.who} has {number} copies of {state.letter}")
        if state not in wanted:
            yield Finding(Kind.WRONG, f"{state.who} has a copy of {state.letter} that it should not have")


def copies_lie_in_their_folders(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """The inbox, or Junk for spam."""
    letters = found.sent
    wanted = {end.place: end.folder for end in scenario.ends if end.state == "delivered"}
    for mailbox in found.mailboxes.values():
        for copy in mailbox.copies:
            folder = wanted.get(State(letters.get(copy.content or b"", ""), copy.mailbox, "delivered"))
            if folder is not None and list(copy.folders) != [folder]:
                yield Finding(Kind.WRONG, f"{copy.mailbox} has its copy in {', '.join(copy.folders)}, not {folder}")


def no_uid_is_given_twice(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """UIDs and sequences count what is there: clients miss mail otherwise."""
    for name, mailbox in found.mailboxes.items():
        yield from _counts(name, mailbox)


def _counts(name: str, mailbox: Mailbox) -> Iterator[Finding]:
    given = Counter(place for copy in mailbox.copies for place in copy.folders.items())
    for (folder, uid), number in given.items():
        if number > 1:
            yield Finding(Kind.DUPLICATED, f"{name} has given UID {uid} of {folder} {number} times")
    if set(given) != set(mailbox.memberships) or set(mailbox.memberships.values()) != set(mailbox.items):
        yield Finding(Kind.WRONG, f"{name} lists other messages than it holds")
    sequences = [item.partition("-")[0] for item in mailbox.items]
    if len(set(sequences)) < len(sequences):
        yield Finding(Kind.DUPLICATED, f"{name} has given a sequence twice")
    for folder, numbers in mailbox.counters.items():
        uids = sorted(uid for its_folder, uid in given if its_folder == folder)
        size = sum(copy.size for copy in mailbox.copies if folder in copy.folders)
        if (numbers["t"], numbers["u"], numbers["s"]) != (len(uids), len(uids) + 1, size) or uids != list(
            range(1, len(uids) + 1)
        ):
            yield Finding(Kind.WRONG, f"{name} has miscounted {folder}")
    if mailbox.size != sum(copy.size for copy in mailbox.copies):
        yield Finding(Kind.WRONG, f"{name} has miscounted its size")


def no_object_belongs_to_nobody(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """A sealed object is some item's, a raw one some flow's; the letters stay until everybody is final for 30 days."""
    referenced = {copy.blob for mailbox in found.mailboxes.values() for copy in mailbox.copies}
    referenced |= set(_blobs_on_their_way(found))
    for key in found.sealed.keys() - referenced:
        yield Finding(Kind.WRONG, f"nobody refers to the sealed object {key}")
    traces = {fact.trace for fact in found.facts}
    for key in found.raw:
        folder, _, rest = key.partition("/")
        if folder == "transit" and rest.partition("/")[0] not in traces:
            yield Finding(Kind.WRONG, f"no flow refers to {key}")
    for name, content in found.letters.items():
        if name not in scenario.retired and found.raw.get(f"inbound/{name}") != content:
            yield Finding(Kind.LOST, f"the stored message {name} is gone or changed")
    for name in scenario.retired:
        if f"inbound/{name}" in found.raw:
            yield Finding(Kind.WRONG, f"the stored message {name} is kept for ever")


def _blobs_on_their_way(found: Evidence) -> Iterator[str]:
    """Yield the objects that open and parked orders may have made already: their next attempt uses them."""
    mailboxes = {row["sk"]["S"].split(":")[1] for row in found.transit if row["sk"]["S"].startswith("order:")}
    return (key for key in found.sealed if key.split("/")[2] in mailboxes)


def nothing_is_left_of_what_was_deleted(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """No key, no row, no object, no order, nobody's name: the organization's own row stays, and facts do."""
    if not scenario.erased:
        return
    left = {
        "mailboxes": sorted(found.mailboxes),
        "sealed objects": sorted(found.sealed),
        "stored mail": sorted(found.raw),
        "orders": [f"{row['pk']['S']}/{row['sk']['S']}" for row in found.transit],
        "rows": [key for key in found.directory if not (key.startswith(("ORGS ", "LEASE#")) or key.endswith(" ORG"))],
    }
    for what, names in left.items():
        if names:
            yield Finding(Kind.WRONG, f"{what} are left: {', '.join(names)}")
    if not any(fact.name == "ORGANIZATION_DELETED" for fact in found.facts):
        yield Finding(Kind.LOST, "no fact says that the organization is deleted")
    removed = Counter(fact.data["mailboxId"] for fact in found.facts if fact.name == "MAILBOX_REMOVED")
    for mailbox, number in removed.items():
        if number > 1:
            yield Finding(Kind.DUPLICATED, f"{mailbox} was removed {number} times")


def facts_are_complete(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Every flow begins with RECEIVED, which names each envelope recipient once; no fact is of an unknown kind."""
    for fact in found.facts:
        if fact.name not in ENDS and fact.name not in PASSING:
            yield Finding(Kind.WRONG, f"nobody told the walk what {fact.name} means: see evidence.ENDS")
    received = Counter(
        (found.letter_of[fact.trace], recipient)
        for fact in found.facts
        if fact.name == "ORGANIZATION_EMAIL_RECEIVED"
        for recipient in fact.event["recipients"]
    )
    wanted = {(name, recipient) for name, recipients in scenario.received.items() for recipient in recipients}
    for whom in wanted - received.keys():
        yield Finding(Kind.LOST, f"{_named(whom)} was never received")
    for whom, number in received.items():
        if number > 1:
            yield Finding(Kind.DUPLICATED, f"{_named(whom)} was received {number} times")
        if whom not in wanted:
            yield Finding(Kind.WRONG, f"{_named(whom)} was received, and nobody sent it")


def every_sender_is_told_once(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 3: one bounce message a flow. SES cannot be asked whether it sent one: a stop there repeats it."""
    most = 2 if found.in_the_window else 1
    told = [fact for fact in found.facts if fact.name == "BOUNCE_SENT"]
    for fact in told:
        letter = found.letter_of[fact.trace]
        names = (f'"original": "{letter}"', f"<{letter}@example.org>")  # SendBounce's, and a report's of ours
        number = sum(any(name in answer for name in names) for answer in found.answers)
        if not number:
            yield Finding(Kind.LOST, f"the sender of {letter} was never told")
        if number > most:
            yield Finding(Kind.DUPLICATED, f"the sender of {letter} was told {number} times")
    if len(found.answers) > most * len(told):
        yield Finding(Kind.WRONG, f"SES sent {len(found.answers)} bounce messages for {len(told)} flows")


def what_is_open_is_in_a_queue(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Sends are repeated, never skipped: the sweep is for what nobody foresaw."""
    queued = [json.loads(body) for name in ORDERS for body in found.queues[name]]
    places = {(body["trace"], body["key"]) for body in queued if "key" in body}  # of rules' calls
    for row in found.transit:
        place = (row["pk"]["S"], row["sk"]["S"])
        if row["state"]["S"] == "OPEN" and json.loads(row["body"]["S"]) not in queued and place not in places:
            yield Finding(Kind.LOST, f"{row['sk']['S']} is open, but in no queue")


def every_parked_thing_raises_the_alarm(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """A parked row has its pointer in the parked queue; dead letters do not stay where they are."""
    pointed = {json.loads(body)["id"] for body in found.queues["parked"]}
    for row in found.transit:
        name = f"{row['pk']['S']}/{row['sk']['S']}"
        if row["state"]["S"] == "PARKED" and name not in pointed:
            yield Finding(Kind.LOST, f"{name} is parked, and no alarm tells of it")
    for name, bodies in found.queues.items():
        if name.endswith("-dead") and bodies:
            yield Finding(Kind.WRONG, f"{len(bodies)} messages lie in {name}")


def every_fact_is_projected(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 2: log and bus say at least once what the ledger says, and nothing else."""
    if "record_events" not in scenario.functions:
        return
    logged = {_line(line["traceId"], line["event"]) for line in found.lines}
    events = {_line(fact.trace, {"eventName": fact.name, **fact.event}): fact for fact in found.facts if fact.event}
    events = {line: fact for line, fact in events.items() if fact.name in _LOGGED}
    for line in events.keys() - logged:
        yield Finding(Kind.LOST, f"the log does not tell {events[line].id}")
    for line in logged - events.keys():
        yield Finding(Kind.WRONG, f"the log tells what never happened: {line}")
    announced = {str(detail["factId"]) for detail in found.announced}
    facts = {fact.id for fact in found.facts}
    for name in facts - announced:
        yield Finding(Kind.LOST, f"the bus does not tell {name}")
    for name in announced - facts:
        yield Finding(Kind.WRONG, f"the bus tells what never happened: {name}")


_LOGGED: Final = {
    "ORGANIZATION_EMAIL_RECEIVED",
    "MAILBOX_EMAIL_DELIVERED",
    "INCOMING_EMAIL_BOUNCED",
    "RULE_APPLIED",
    "DMARC_POLICY_APPLIED",
}
"""Facts that WorkMail's log knows; the others are ours."""

CHECKS: Final[tuple[Check, ...]] = (
    every_recipient_is_in_exactly_one_state,
    each_mailbox_has_one_copy_byte_for_byte,
    copies_lie_in_their_folders,
    no_uid_is_given_twice,
    no_object_belongs_to_nobody,
    nothing_is_left_of_what_was_deleted,
    facts_are_complete,
    every_sender_is_told_once,
    what_is_open_is_in_a_queue,
    every_parked_thing_raises_the_alarm,
    every_fact_is_projected,
)
"""Every check."""


def findings(found: Evidence, scenario: Scenario) -> list[Finding]:
    """Return everything that does not hold."""
    return [finding for check in CHECKS for finding in check(found, scenario)]


def _named(whom: tuple[str, str]) -> str:
    return f"{whom[1]} of {whom[0]}"


def _line(trace: str, event: Mapping[str, object]) -> str:
    """Return one spelling of an event, ours or the log's; fields that only the log adds do not count."""
    return f"{trace} {json.dumps(event, sort_keys=True)}"


def _noticed(scenario: Scenario, mailbox: str) -> str:
    """Return the letter whose arrival a notice in a mailbox tells of; a notice itself does not say."""
    return next((end.letter for end in scenario.ends if end.who == f"{mailbox}'s notice"), "no letter")
