"""What `trace` says of facts of messages that leave."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from cli import output
from postroom.model.bounces import with_status
from postroom.model.facts import OwnFact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.model.facts import Fact

MOST_NAMED: Final = 3
"""How many recipients a line names. Ours."""


def some(addresses: Sequence[str]) -> str:
    """Return the first addresses, and how many more there are."""
    more = f" and {len(addresses) - MOST_NAMED} more" if len(addresses) > MOST_NAMED else ""
    return ", ".join(addresses[:MOST_NAMED]) + more


def submitted(fact: Fact) -> str:
    """Say the sender, the recipients, the subject, and the protocol of a submission."""
    event, data = fact.event, fact.data
    for_others = f" (sent by {event['sender']} on behalf)" if event.get("sender") else ""
    said = f"from {event['from']}{for_others} to {some(event['recipients'])}: {event['subject'] or '(no subject)'}"
    return f"{said} [{data.get('protocol')}]"


def sent(fact: Fact) -> str:
    """Say which way the message took: by SES with its id, by an SMTP gateway, or inside."""
    recipient, data = fact.event["recipient"], fact.data
    if "sesMessageId" in data:
        return f"{recipient} by SES, {data['sesMessageId']}"
    return f"{recipient} by {gateway}" if (gateway := _gateway(fact)) else f"{recipient} inside the organization"


def bounced(fact: Fact) -> str:
    """Say who refused a recipient: the gateway, if it is one's."""
    refused, by = fact.event["bouncedRecipient"], _gateway(fact)
    said = f"{refused['emailAddress']}: {with_status(refused['reason'], refused['status'])}"
    return f"{said} ({by})" if by else said


def told(fact: Fact) -> str:
    """Say how the sender was told: by a report in a mailbox, or by the operation of SES that sent a message."""
    means = fact.data.get("means")
    by = "into the sender's mailbox" if means == "mailbox" else f"by {means}" if means else ""
    return ", ".join(filter(None, (f"about {some(fact.data['recipients'])}", by)))


def deferred(fact: Fact) -> str:
    """Say what the other side said, which attempt that was, and when the next one follows."""
    data = fact.data
    attempt = f"attempt {data['attempt']}" if "attempt" in data else ""
    following = f"next in {output.duration(max(0, data['due'] - fact.at))}" if "due" in data else ""
    until = f"tried until {output.short_time(data['until'])}" if data.get("until") else ""
    about = ", ".join(filter(None, (_gateway(fact), attempt, following, until)))
    return f"{some(data['recipients'])}: {data['reason']}" + (f" ({about})" if about else "")


def delayed(fact: Fact) -> str:
    """Say which recipients wait, and what the other side said."""
    waiting = fact.data.get("waiting", ())
    return "; ".join(f"{each['address']}: {with_status(each['diagnostic'], each['status'])}" for each in waiting)


def merged(facts: Sequence[Fact]) -> list[Fact]:
    """Leave out that a message has waited for hours: the attempt of that moment says it, with the time of the last."""
    kept = {fact.id: fact for fact in facts}
    told = {(fact.trace, fact.at): fact for fact in kept.values() if fact.name is OwnFact.TRANSMIT_DELAYED}
    for fact in list(kept.values()):
        late = told.get((fact.trace, fact.at))
        if late and fact.name is OwnFact.TRANSMIT_DEFERRED and fact.data.get("told"):
            kept[fact.id] = replace(fact, data={**fact.data, "until": late.data.get("until", 0)})
            kept.pop(late.id, None)
    return list(kept.values())


def _gateway(fact: Fact) -> str:
    """Return the server of a gateway, or else its id; empty for other ways."""
    gateway = fact.data.get("gatewayId")
    return f"gateway {fact.data.get('server') or gateway}" if gateway else ""
