"""The invariants of a run: each check reads the evidence and yields what is wrong."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Protocol

from postroom.contracts.orders import STATIONS
from postroom.model.facts import EventName
from tests.faults.audited import troubles, unproved
from tests.faults.evidence import ENDS, PASSING, State
from tests.faults.exported import faults_of
from tests.faults.outgoing import BY_GATEWAY, BY_SES, changed, wrong_transmissions
from tests.support.stack import DEAD_LETTERS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.evidence import Evidence, Mailbox
    from tests.faults.scenario import Scenario

AUTOMATIC: Final = b"Auto-Submitted: auto-generated"
"""A header field of our own notices."""

REPLIED: Final = re.compile(rb"\r\nIn-Reply-To: <([^@]*)@[^>]*>\r\n(?:[^\r]+\r\n)*Auto-Submitted: auto-replied\r\n")
"""Header fields of a mailbox's reply, with the name of the message that it answers."""

CALENDAR: Final = "CALENDAR"
SENT_ITEMS: Final = "SENT_ITEMS"
IN_MAILBOXES: Final = {"delivered", "noticed", "submitted"}

ORDERS: Final = tuple(name for name, station in STATIONS.items() if station.orders)
"""Queues of orders that are open in transit."""


class Kind(StrEnum):
    """Kinds of findings: the columns of the table."""

    LOST = "lost"
    DUPLICATED = "duplicated"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One violated invariant."""

    kind: Kind
    text: str


class Check(Protocol):
    """Checks the evidence of one run."""

    def __call__(self, found: Evidence, scenario: Scenario) -> Iterator[Finding]: ...


def every_recipient_is_in_exactly_one_state(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 1: in transit, delivered, bounced, dropped by a named rule, or parked; never none, never two."""
    states = list(found.states)
    states_of = defaultdict(list)
    for each in states:
        states_of[each.message, each.recipient].append(each.state)
    wanted = {(end.message, end.recipient): end.state for end in scenario.ends}
    for place, state in wanted.items():
        if place not in states_of:
            yield Finding(Kind.LOST, f"{_named(place)} is nowhere, not {state}")
        elif states_of[place] != [state] and len(states_of[place]) == 1:
            yield Finding(Kind.WRONG, f"{_named(place)} is {states_of[place][0]}, not {state}")
    for place, its_states in states_of.items():
        if scenario.erased and place[1].startswith("arrival"):
            continue  # announced again after the organization's deletion: parked, then discarded
        if len(its_states) > 1:
            yield Finding(Kind.DUPLICATED, f"{_named(place)} is {' and '.join(sorted(its_states))}")
        if place not in wanted:
            yield Finding(Kind.WRONG, f"{_named(place)} is {its_states[0]}, which the scenario does not name")


def each_mailbox_has_one_copy_byte_for_byte(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariants 3, 4 and 10: one copy per mailbox and SES message, and its bytes are what SES stored."""
    names = found.sent
    copies: Counter[State] = Counter()
    for mailbox in found.mailboxes.values():
        for copy in mailbox.copies:
            name = names.get(copy.content or b"")
            replied = REPLIED.search(copy.content or b"")
            if copy.content is not None and (CALENDAR in copy.folders or copy.content in scenario.imported):
                pass  # objects of calendars, and what was imported, are checked by themselves
            elif name is not None:
                copies[State(name, copy.mailbox, "submitted" if SENT_ITEMS in copy.folders else "delivered")] += 1
            elif replied:
                copies[State(f"reply to {replied[1].decode()}", copy.mailbox, "delivered")] += 1
            elif AUTOMATIC in (copy.content or b""):
                copies[State(_noticed(scenario, copy.mailbox), f"{copy.mailbox}'s notice", "noticed")] += 1
            else:
                yield Finding(Kind.LOST, f"a copy of {copy.mailbox} is missing or not what was sent: {copy.blob}")
            if copy.content is not None and copy.size != len(copy.content):
                yield Finding(Kind.WRONG, f"a copy of {copy.mailbox} says another size")
    wanted = {end.place: end for end in scenario.ends if end.state in IN_MAILBOXES and not scenario.erased}
    for state in wanted.keys() - copies.keys():
        yield Finding(Kind.LOST, f"{state.recipient} has no copy of {state.message}")
    for state, number in copies.items():
        if number > 1:
            yield Finding(Kind.DUPLICATED, f"{state.recipient} has {number} copies of {state.message}")
        if state not in wanted:
            yield Finding(Kind.WRONG, f"{state.recipient} has a copy of {state.message} that it should not have")


def copies_are_in_their_folders(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """A copy is in the inbox, or in Junk for spam."""
    names = found.sent
    wanted = {end.place: end.folder for end in scenario.ends if end.state == "delivered"}
    for mailbox in found.mailboxes.values():
        for copy in mailbox.copies:
            folder = wanted.get(State(names.get(copy.content or b"", ""), copy.mailbox, "delivered"))
            if folder is not None and list(copy.folders) != [folder]:
                yield Finding(Kind.WRONG, f"{copy.mailbox} has its copy in {', '.join(copy.folders)}, not {folder}")


def no_uid_is_given_twice(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """UIDs and sequences have no gap and no repeat, and counters are right: otherwise clients miss mail."""
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


def every_object_is_referred_to(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """A sealed object belongs to an item, a raw object to a flow.

    SES's objects stay until all recipients have been final for 30 days.
    """
    referenced = {copy.blob for mailbox in found.mailboxes.values() for copy in mailbox.copies}
    referenced |= set(_blobs_on_their_way(found)) | found.noted
    for key in found.sealed.keys() - referenced:
        yield Finding(Kind.WRONG, f"no item refers to the sealed object {key}")
    traces = {fact.trace for fact in found.facts}
    for key in found.raw:
        folder, _, rest = key.partition("/")
        if folder == "transit" and rest.partition("/")[0] not in traces:
            yield Finding(Kind.WRONG, f"no flow refers to {key}")
    for name, content in found.messages.items():
        if name not in scenario.retired and found.raw.get(f"inbound/{name}") != content:
            yield Finding(Kind.LOST, f"the stored message {name} is gone or changed")
    for name in scenario.retired:
        if f"inbound/{name}" in found.raw:
            yield Finding(Kind.WRONG, f"the stored message {name} is kept for ever")


def _blobs_on_their_way(found: Evidence) -> Iterator[str]:
    """Yield objects that open and parked orders may have made already; their next attempt uses them."""
    mailboxes = {row["sk"]["S"].split(":")[1] for row in found.transit if row["sk"]["S"].startswith("order:")}
    mailboxes |= {mailbox for _, mailbox in found.listed}
    return (key for key in found.sealed if key.split("/")[2] in mailboxes)


def calendars_are_as_answered(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Each calendar has the objects that the scenario names, and a resource those that it has accepted."""
    for name, mailbox in found.mailboxes.items():
        texts = [(copy.content or b"").decode() for copy in mailbox.copies if CALENDAR in copy.folders]
        wanted = scenario.calendars.get(name, ())
        if len(texts) > len(wanted):
            yield Finding(Kind.DUPLICATED, f"the calendar of {name} has {len(texts)} objects, not {len(wanted)}")
        for lines in wanted:
            if not any(set(lines) <= set(text.split("\r\n")) for text in texts):
                yield Finding(Kind.LOST, f"the calendar of {name} has no object with {', '.join(lines)}")
        accepted = [fact for fact in found.facts if fact.name == "BOOKING_ANSWERED" and fact.data["mailboxId"] == name]
        booked = sum(fact.data["answer"] != "DECLINED" for fact in accepted)
        held = sum("STATUS:CANCELLED" not in text.split("\r\n") for text in texts)
        if accepted and booked != held:
            yield Finding(Kind.WRONG, f"{name} has accepted {booked} requests, and has {held} in its calendar")


def nothing_is_left_of_what_was_deleted(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Keys, rows, objects, orders and names are gone. The organization's own row and its facts stay."""
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
            yield Finding(Kind.WRONG, f"the walk does not know {fact.name}: add it to evidence.ENDS or PASSING")
    received = Counter(
        (found.message_of[fact.trace], recipient)
        for fact in found.facts
        if fact.name == "ORGANIZATION_EMAIL_RECEIVED"
        for recipient in fact.event["recipients"]
    )
    wanted = {(name, recipient) for name, recipients in scenario.received.items() for recipient in recipients}
    for place in wanted - received.keys():
        yield Finding(Kind.LOST, f"{_named(place)} was never received")
    for place, number in received.items():
        if number > 1:
            yield Finding(Kind.DUPLICATED, f"{_named(place)} was received {number} times")
        if place not in wanted:
            yield Finding(Kind.WRONG, f"{_named(place)} was received, but not sent")


def each_flow_has_one_bounce_message(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 3: one bounce message per flow. SES cannot tell whether it sent one, so a stop there repeats it."""
    most = 2 if found.in_the_window else 1
    told = [each for each in found.facts if each.name == "BOUNCE_SENT"]
    told = [each for each in told if found.message_of[each.trace] not in found.submitted]  # into a mailbox of ours
    for fact in told:
        message = found.message_of[fact.trace]
        names = (f'"original": "{message}"', f"<{message}@example.org>")  # SendBounce's, and a report's of ours
        number = sum(any(name in answer for name in names) for answer in found.answers)
        if not number:
            yield Finding(Kind.LOST, f"the sender of {message} was never told")
        if number > most:
            yield Finding(Kind.DUPLICATED, f"the sender of {message} was told {number} times")
    if len(found.answers) > most * len(told):
        yield Finding(Kind.WRONG, f"SES sent {len(found.answers)} bounce messages for {len(told)} flows")


def each_recipient_outside_is_sent_one_message(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 3: SES and gateways cannot tell whether they have taken a message, so a stop there repeats it."""
    for way, taken in ((BY_SES, found.transmitted), (BY_GATEWAY, found.relayed)):
        for lost, text in wrong_transmissions(found.facts, way, taken, most=2 if found.in_the_window else 1):
            yield Finding(Kind.LOST if lost else Kind.DUPLICATED, text)
    for text in changed(found.relayed, found.submitted.values()):
        yield Finding(Kind.WRONG, text)


def what_is_open_is_in_a_queue(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Sends are repeated, never skipped; the sweep is only for unforeseen losses."""
    queued = [json.loads(body) for name in ORDERS for body in found.queues[name]]
    places = {(body["trace"], body["key"]) for body in queued if "key" in body}  # of rules' calls
    for row in found.transit:
        place = (row["pk"]["S"], row["sk"]["S"])
        if row["state"]["S"] == "OPEN" and json.loads(row["body"]["S"]) not in queued and place not in places:
            yield Finding(Kind.LOST, f"{row['sk']['S']} is open, but in no queue")
    listed = {(body["trace"], body["mailbox_id"]) for body in queued if body.get("listed")}
    for trace, mailbox in found.listed:
        if (trace, mailbox) not in listed:
            yield Finding(Kind.LOST, f"the order of {mailbox} is listed and open, but in no queue")


def every_dead_letter_is_parked(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """The queue of dead letters is empty."""
    if bodies := found.queues[DEAD_LETTERS]:
        yield Finding(Kind.LOST, f"{len(bodies)} dead letters are not parked")


def every_fact_is_projected(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Invariant 2: each fact is in the log and on the bus at least once, and nothing else is."""
    if "record_events" not in scenario.functions:
        return
    logged = {_line(line["traceId"], line["event"]) for line in found.lines}
    events = {_line(fact.trace, {"eventName": fact.name, **fact.event}): fact for fact in found.facts if fact.event}
    events = {line: fact for line, fact in events.items() if fact.name in _LOGGED}
    for line in events.keys() - logged:
        yield Finding(Kind.LOST, f"the log lacks {events[line].id}")
    for line in logged - events.keys():
        yield Finding(Kind.WRONG, f"the log has a line without a fact: {line}")
    announced = {str(detail["factId"]) for detail in found.announced}
    facts = {fact.id for fact in found.facts}
    for name in facts - announced:
        yield Finding(Kind.LOST, f"the bus lacks {name}")
    for name in announced - facts:
        yield Finding(Kind.WRONG, f"the bus has an event without a fact: {name}")


_LOGGED: Final = set(EventName)
"""Facts that are events of WorkMail's log; all others are ours."""


def each_call_of_a_provider_has_one_fact(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """A call leaves exactly one fact, and no open order.

    A stop between the order and the call leaves the fact of a call that was not made: it cannot be told from one that
    was. A call that reaches a provider twice is one call of ours.
    """
    facts = [fact for fact in found.facts if fact.name == "PROVIDER_ASKED"]
    twice = found.called_last.endswith("lambda Invoke")
    if len(facts) < found.provided - twice:
        yield Finding(Kind.LOST, f"a provider was called {found.provided} times, and {len(facts)} facts say so")
    if len(facts) > found.provided + bool(found.called_last):
        yield Finding(Kind.DUPLICATED, f"{len(facts)} facts are of {found.provided} calls of a provider")
    for fact in facts:
        if fact.event["availability_event_successful"] is not ("error_message" not in fact.event):
            yield Finding(Kind.WRONG, f"{fact.id} has no result")


def every_audited_delivery_is_in_every_destination(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Each delivery has a record in each destination: at least one, and one only where nothing went wrong."""
    if scenario.audited:
        for lost, text in troubles(found.facts, found.audited, once=found.undisturbed):
            yield Finding(Kind.LOST if lost else Kind.DUPLICATED, text)


def digests_are_one_chain(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Digests are signed, continue each other up to the head, and list every object."""
    if found.proofs is not None:
        for text in unproved(found.proofs, once=found.undisturbed):
            yield Finding(Kind.WRONG, text)


def an_export_is_whole_or_nothing(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """The archive has every message once, with its log; or nothing is left, neither with the customer nor with us."""
    if found.exported is None or not scenario.exported:
        return
    for text in faults_of(found.exported, scenario.exported, [*found.messages.values()]):
        yield Finding(Kind.WRONG, text)
    for row in found.transit:
        if row["pk"]["S"].startswith("export:"):
            yield Finding(Kind.WRONG, f"{row['sk']['S']} is left of the export")


def what_was_imported_is_there_once(found: Evidence, scenario: Scenario) -> Iterator[Finding]:
    """Every item of the archive has one copy, and the order of the import is gone."""
    copies = Counter(copy.content for mailbox in found.mailboxes.values() for copy in mailbox.copies)
    for content in scenario.imported:
        if (number := copies[content]) != 1:
            yield Finding(Kind.DUPLICATED if number else Kind.LOST, f"{number} copies of an imported message")
    for row in found.transit if scenario.imported else ():
        if row["pk"]["S"].startswith("import:"):
            yield Finding(Kind.WRONG, f"{row['sk']['S']} is left of the import")


CHECKS: Final[tuple[Check, ...]] = (
    every_recipient_is_in_exactly_one_state,
    each_mailbox_has_one_copy_byte_for_byte,
    copies_are_in_their_folders,
    no_uid_is_given_twice,
    every_object_is_referred_to,
    calendars_are_as_answered,
    nothing_is_left_of_what_was_deleted,
    facts_are_complete,
    each_flow_has_one_bounce_message,
    each_recipient_outside_is_sent_one_message,
    what_is_open_is_in_a_queue,
    every_dead_letter_is_parked,
    every_fact_is_projected,
    each_call_of_a_provider_has_one_fact,
    every_audited_delivery_is_in_every_destination,
    digests_are_one_chain,
    an_export_is_whole_or_nothing,
    what_was_imported_is_there_once,
)
"""Every check."""


def findings(found: Evidence, scenario: Scenario) -> list[Finding]:
    """Return all findings."""
    return [finding for check in CHECKS for finding in check(found, scenario)]


def _named(place: tuple[str, str]) -> str:
    return f"{place[1]} of {place[0]}"


def _line(trace: str, event: Mapping[str, object]) -> str:
    """Return an event of a fact or of the log in one form, without the fields that only the log adds."""
    return f"{trace} {json.dumps(event, sort_keys=True)}"


def _noticed(scenario: Scenario, mailbox: str) -> str:
    """Return the message that caused a notice in a mailbox; the notice does not name it."""
    return next((end.message for end in scenario.ends if end.recipient == f"{mailbox}'s notice"), "no message")
