"""`postroom trace`: every fact of one message, in order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from cli import outbound_texts, output, running
from cli.errors import RefusedError, UsageError
from cli.outbound_texts import some
from postroom.model.facts import (
    RECEIVED,
    SUBMITTED,
    EventName,
    Fact,
    OwnFact,
    SenderIs,
    flow_message_id,
    inside_trace,
    traces_of_message,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.text import Text

    from postroom.ports.ledger import Ledger


def _received(fact: Fact) -> str:
    event = fact.event
    verdicts = " ".join(f"{check} {event[f'{check}Verdict']}" for check in ("spam", "spf", "dkim", "dmarc"))
    if "causedBy" in fact.data:  # made inside, where there is nothing to check
        verdicts = "sent inside, not checked"
    said = f"from {event['from'] or '(no sender)'} to {some(event['recipients'])}: {event['subject'] or '(no subject)'}"
    return f"{said} [{verdicts}]{_doubt(fact)}"


def _doubt(fact: Fact) -> str:
    """Say where the message's headers leave its sender in doubt, and which rules match then."""
    match fact.data.get("senderIs"):
        case SenderIs.UNKNOWN:
            return " (no readable From: only rules for * match)"
        case SenderIs.AMBIGUOUS:
            senders = some(fact.data.get("senders", ()))
            return f" (readers may see different senders, {senders}: the most restrictive rule holds)"
        case _:
            return ""


def _applied(fact: Fact) -> str:
    """Say which rule was applied, of which version of the organization's rules, and what it did.

    Behind that: recipients for which its function did not decide, and recipients that it named without effect.
    """
    did, data = fact.event["ruleActions"], fact.data
    said = "; ".join(f"{each['action']} for {some(each['recipients'])}" for each in did)
    if fallen := data.get("why", {}).get("FALLBACK"):
        all_of_them = len(fallen) == sum(len(each["recipients"]) for each in did)
        said += f" (the rule's fallback{'' if all_of_them else f' for {some(fallen)}'})"
    if ignored := data.get("ignored"):  # the function's own words, so that control characters show
        said += f"; ignored {some([f'{name[:80]!r} ({why})' for name, why in ignored.items()])}"
    return f"{fact.event['ruleName']} ({_version(fact)}): {said}"


def _put(fact: Fact) -> str:
    calls = len(fact.data.get("runs", ()))
    waiting = "the call that waits" if calls == 1 else f"{calls} calls that wait"
    return f"{fact.data.get('size')} bytes for {waiting if calls else 'later Gets only'}"


def _version(fact: Fact) -> str:
    return f"rules version {fact.data.get('rulesVersion')}"


def _policy(fact: Fact) -> str:
    dropped = f", dropped for {some(fact.event['recipients'])}" if fact.data.get("final") else ""
    return f"{fact.event['policy']} of {fact.event['from']}{dropped}"


def _recipients(fact: Fact) -> str:
    return f"about {some(fact.data['recipients'])}"


def _reason(fact: Fact) -> str:
    return str(fact.data.get("reason", ""))


def _waiting(fact: Fact) -> str:
    return f"{fact.data.get('station', '')} {fact.data.get('what', '')}: {fact.data.get('cause', '')}"


def _attempted(fact: Fact) -> str:
    """Say which rule called which version of which function, the attempt, its duration and its result."""
    data = fact.data
    function = str(data.get("functionArn", "")).rpartition(":function:")[2]
    ran = f" version {data['functionVersion']}" if "functionVersion" in data else ""
    by = f"{data.get('ruleName')} ({_version(fact)})"
    called = f"{function}{ran} by {by}, attempt {data.get('attempt')}, {data.get('milliseconds')} ms"
    if "failure" not in data:
        return f"{called}: {'an answer' if data.get('synchronous') else 'accepted'}"
    return f"{called}: {data['failure']} {data.get('error', '')}".rstrip()


def _asked(fact: Fact) -> str:
    """Say which provider was asked about how many mailboxes, and the result."""
    event, data = fact.event, fact.data
    target = event.get("function_arn", event.get("ews_endpoint", ""))
    took = f", {data['milliseconds']} ms" if "milliseconds" in data else ""
    result = "an answer" if event.get("availability_event_successful") else event.get("error_message", "a failure")
    number = data.get("mailboxes")
    about = f"{number} mailbox{'' if number == 1 else 'es'}"
    said = f"{target} of {event.get('domain')} about {about}{took}: {result}"
    return f"{said}: {data['error']}" if "error" in data else said


def _calendar(fact: Fact) -> str:
    """Say what a message changed in a calendar."""
    data = fact.data
    waits = ", tentative" if data.get("tentative") else ""
    return f"{data.get('method')} in the calendar of {data.get('mailboxId')}: {data.get('change')}{waits}"


def _not_in_calendar(fact: Fact) -> str:
    method = fact.data.get("method", "a calendar part")
    return f"{method} for the calendar of {fact.data.get('mailboxId')}: {_reason(fact)}"


def _booked(fact: Fact) -> str:
    """Say what a resource answered, in which flow, and how many delegates have a copy."""
    data = fact.data
    why = f" ({_reason(fact)})" if "reason" in data else ""
    reply = f", reply {data['replyTrace']}" if "replyTrace" in data else ""
    number = data.get("delegates")
    copies = f", {'a copy for 1 delegate' if number == 1 else f'copies for {number} delegates'}" if number else ""
    return f"{data.get('mailboxId')}: {data.get('answer')}{why}{reply}{copies}"


def _export_ended(fact: Fact) -> str:
    job, state, cause = (str(fact.data.get(name, "")) for name in ("jobId", "state", "cause"))
    return f"{job}: {state.lower()}" + (f", {cause}" if cause else "")


SAID: Final[dict[EventName | OwnFact, tuple[str, str, Callable[[Fact], str]]]] = {
    EventName.ORGANIZATION_EMAIL_RECEIVED: ("received", "cyan", _received),
    EventName.MAILBOX_EMAIL_DELIVERED: (
        "delivered",
        "green",
        lambda fact: f"{fact.event['recipient']} → {fact.event['folder']}",
    ),
    EventName.INCOMING_EMAIL_BOUNCED: ("bounced", "yellow", outbound_texts.bounced),
    EventName.OUTGOING_EMAIL_SUBMITTED: ("submitted", "cyan", outbound_texts.submitted),
    EventName.OUTGOING_EMAIL_SENT: ("sent", "green", outbound_texts.sent),
    EventName.OUTGOING_EMAIL_BOUNCED: ("bounced", "yellow", outbound_texts.bounced),
    EventName.RULE_APPLIED: ("rule", "magenta", _applied),
    EventName.DMARC_POLICY_APPLIED: ("dmarc policy", "magenta", _policy),
    OwnFact.MESSAGE_BLOCKED: ("blocked", "red", _reason),
    OwnFact.RECIPIENT_SKIPPED: (
        "skipped",
        "yellow",
        lambda fact: f"{fact.data.get('memberId')} of {fact.data.get('group')}: {fact.data.get('reason')}",
    ),
    OwnFact.RULE_ATTEMPTED: ("called", "cyan", _attempted),
    OwnFact.RULE_CALL_DROPPED: ("not called", "yellow", lambda fact: f"{fact.data.get('ruleName')}: {_reason(fact)}"),
    OwnFact.QUOTA_NOTICE_DELIVERED: ("quota notice", "yellow", lambda fact: str(fact.event.get("recipient", ""))),
    OwnFact.BOUNCE_INTENDED: ("bouncing", "white", _recipients),
    OwnFact.BOUNCE_SENT: ("bounce sent", "yellow", outbound_texts.told),
    OwnFact.TRANSMIT_DEFERRED: ("not sent yet", "yellow", outbound_texts.deferred),
    OwnFact.TRANSMIT_DELAYED: ("waits", "yellow", outbound_texts.delayed),
    OwnFact.BOUNCE_SUPPRESSED: ("no bounce", "yellow", lambda fact: f"{_recipients(fact)}: {fact.data.get('reason')}"),
    OwnFact.DELIVERY_DELAYED: ("delayed", "yellow", outbound_texts.delayed),
    OwnFact.DELAY_NOTICE_SENT: ("delay notice", "yellow", outbound_texts.told),
    OwnFact.CONTENT_PUT: ("content put", "cyan", _put),
    OwnFact.QUOTA_NOTICE_DROPPED: ("no notice", "dim", _reason),
    OwnFact.PROVIDER_ASKED: ("asked", "cyan", _asked),
    OwnFact.CALENDAR_UPDATED: ("calendar", "green", _calendar),
    OwnFact.CALENDAR_IGNORED: ("no change", "yellow", _not_in_calendar),
    OwnFact.BOOKING_ANSWERED: ("booking", "cyan", _booked),
    OwnFact.OUT_OF_OFFICE_ANSWERED: ("answered", "cyan", lambda fact: f"{fact.data['mailboxId']} is out of office"),
    OwnFact.REPLY_NOT_SENT: ("no reply", "yellow", lambda fact: f"{fact.data.get('mailboxId')}: {_reason(fact)}"),
    OwnFact.EXPORT_STARTED: ("started", "cyan", lambda fact: f"export of mailbox {fact.data.get('mailboxId')}"),
    OwnFact.EXPORT_PLANNED: ("planned", "cyan", lambda fact: f"{fact.data.get('runs')} runs of an export"),
    OwnFact.EXPORT_PACKED: ("packed", "cyan", lambda fact: f"run {fact.data.get('run')} of an export"),
    OwnFact.EXPORT_COMPLETED: ("exported", "green", lambda fact: str(fact.data.get("jobId", ""))),
    OwnFact.EXPORT_ENDED: ("no export", "yellow", _export_ended),
    OwnFact.IMPORT_STARTED: ("started", "cyan", lambda fact: f"import into mailbox {fact.data.get('mailboxId')}"),
    OwnFact.IMPORT_COMPLETED: ("imported", "green", lambda fact: str(fact.data.get("jobId", ""))),
    OwnFact.IMPORT_ENDED: ("no import", "yellow", _export_ended),
    OwnFact.PARKED: ("parked", "red", _waiting),
    OwnFact.REDRIVEN: ("redriven", "cyan", _waiting),
    OwnFact.ORDER_STORED: ("waiting", "cyan", lambda fact: str(fact.data.get("what", ""))),
    OwnFact.ANNOUNCED: ("announced", "cyan", _waiting),
    OwnFact.DISCARDED: ("discarded", "red", _waiting),
    OwnFact.ORGANIZATION_DELETING: ("deleting", "red", lambda fact: fact.organization_id),
    EventName.JOURNALING_INITIATED: ("journaled", "cyan", lambda fact: str(fact.event["journalingAddress"])),
    OwnFact.JOURNALING_FAILED: ("not journaled", "red", lambda fact: f"{fact.data.get('address')}: {_reason(fact)}"),
    OwnFact.JOURNAL_NOTICE_SENT: ("journal notice", "yellow", lambda fact: str(fact.data.get("address", ""))),
    OwnFact.JOURNAL_NOTICE_FAILED: ("no notice", "red", lambda fact: f"{fact.data.get('address')}: {_reason(fact)}"),
    OwnFact.MAILBOX_REMOVED: ("removed", "red", lambda fact: str(fact.data.get("mailboxId", ""))),
    OwnFact.ORGANIZATION_DELETED: ("deleted", "red", lambda fact: fact.organization_id),
}
"""A word, a colour and a text for each fact."""

CAUSES: Final = (
    *(EventName.OUTGOING_EMAIL_SUBMITTED, EventName.ORGANIZATION_EMAIL_RECEIVED),
    *(EventName.DMARC_POLICY_APPLIED, EventName.RULE_APPLIED),
)
"""Causes of other facts of the same moment, in the order in which they are decided."""


def trace(
    trace_id: Annotated[
        str | None, typer.Argument(metavar="TRACE_ID", help="As `events` and `submit` show it.", show_default=False)
    ] = None,
    message_id: Annotated[
        str | None, typer.Option("--message-id", metavar="'<…>'", help="The message's own Message-ID instead.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array.")] = False,
) -> None:
    """Show what happened to one message, in order."""
    if bool(trace_id) == bool(message_id):
        raise UsageError("give a TRACE_ID, or --message-id '<…>'")
    with running.refusals():
        ledger = running.find().operator().ledger
        flows = find_flows(ledger, trace_id, message_id)
    if not flows:
        raise RefusedError(f"nothing is known of {trace_id or message_id}")
    if as_json:
        output.print_json(row for facts in flows for row in map(as_row, facts))
        return
    for facts in flows:
        output.console().print(timeline(facts), soft_wrap=True)  # a fact is a line, however long


def find_flows(ledger: Ledger, trace_id: str | None, message_id: str | None) -> list[Sequence[Fact]]:
    """Return the facts of each message: of one for a trace id, of any number for a Message-ID.

    A submission and its recipients inside are two flows of one message.
    """
    if trace_id:
        traces = meant(trace_id)
    else:
        found = {fact.trace: fact.at for fact in ledger.by_message_id(message_id or "")}
        traces = sorted(found, key=lambda trace: (found[trace], trace))
    messages: dict[str, Sequence[Fact]] = {}
    for trace in traces:
        if facts := _of_message(ledger, trace):
            messages[facts[0].trace] = facts  # the same facts for each of its flows
    return list(messages.values())


def _of_message(ledger: Ledger, trace: str) -> list[Fact]:
    """Return the facts of a flow; of a submission and its flow inside for a trace of either, the submission first."""
    facts = list(ledger.facts(trace))
    causes = [str(fact.data["causedBy"]) for fact in facts if fact.key == RECEIVED and "causedBy" in fact.data]
    if causes and trace == inside_trace(causes[0]):
        return [*ledger.facts(causes[0]), *facts]
    if any(fact.key == SUBMITTED for fact in facts):
        return [*facts, *ledger.facts(inside_trace(trace))]
    return facts


def meant(trace_id: str) -> list[str]:
    """Return the trace ids that one may mean: with dashes or without, as functions of rules and logs show it."""
    try:
        spelled = traces_of_message(flow_message_id(trace_id))
    except ValueError:  # no flow's: of an arrival, a call, a job
        spelled = ()
    return list(dict.fromkeys([trace_id, *spelled]))


def as_row(fact: Fact) -> dict[str, Any]:
    """Return what `--json` shows of a fact: a documented interface. ``at`` is RFC 3339, UTC."""
    return {
        "factId": fact.id,
        "traceId": fact.trace,
        "organizationId": fact.organization_id,
        "name": fact.name.value,
        "at": output.rfc3339(fact.at),
        "event": dict(fact.event),
        "data": dict(fact.data),
    }


def _owners(facts: Sequence[Fact]) -> dict[str, str]:
    """Return the addresses of the mailboxes that the flow was delivered to, by mailbox id."""
    delivered = [fact for fact in facts if fact.name == EventName.MAILBOX_EMAIL_DELIVERED]
    return {str(fact.data.get("mailboxId")): str(fact.event["recipient"]) for fact in delivered}


def _with_address(fact: Fact, owners: dict[str, str]) -> Fact:
    """Return a fact that names its mailbox by address, if a delivery of the flow has it."""
    address = owners.get(str(fact.data.get("mailboxId")))
    return replace(fact, data={**fact.data, "mailboxId": address}) if address else fact


def timeline(facts: Sequence[Fact]) -> Text:
    """Return one message as text: the time of the first fact, then the time from it to each other fact.

    Of facts of one moment, a decision comes before its results, and a submission before its flow inside.
    """
    from rich.text import Text

    facts = sorted(
        outbound_texts.merged(facts),
        key=lambda fact: (fact.at, CAUSES.index(fact.name) if fact.name in CAUSES else len(CAUSES)),
    )
    first, owners = facts[0], _owners(facts)
    text = Text.assemble((f"{first.trace}", "bold"), f"  {first.organization_id}\n")
    for trace in dict.fromkeys(fact.trace for fact in facts if fact.trace != first.trace):
        text.append_text(Text.assemble((trace, "bold"), "  inside\n"))
    for number, fact in enumerate(facts):
        word, colour, say = SAID[fact.name]
        when = output.short_time(fact.at) if number == 0 else f"+{output.duration(fact.at - first.at)}"
        branch = "┬" if number == 0 and len(facts) > 1 else "└" if number == len(facts) - 1 else "├"
        text.append(f"{when:>19} {branch}─ ")
        text.append(f"{word:<13}", style=colour)
        text.append(f" {say(_with_address(fact, owners))}\n")
    text.rstrip()
    return text
