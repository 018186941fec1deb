"""Metrics from facts, with WorkMail's metric names and counting rules.

Source: guide, ZH:1515-1527. A received message counts once, whatever the number of its recipients; everything else
counts once per recipient, as its facts do. Ours: IncomingEmailBounced counts every bounced recipient. The guide's
metric table names full mailboxes only, its event table "many reasons, such as a full mailbox"; we follow the latter.
RuleFunctionFailure is a metric of ours: failed attempts to call a rule's function; so is OutgoingEmailDelayed, which
counts the recipients of a late attempt to transmit. AvailabilityProviderFailure has an observation for every call of a
provider, 1 or 0.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from postroom.model.facts import EventName, Fact, OwnFact
from postroom.ports.metrics import AVAILABILITY_PROVIDER_FAILURE, OUTGOING_EMAIL_DELAYED, RULE_FUNCTION_FAILURE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postroom.ports.metrics import Metrics

PERIOD_MS: Final = 60_000
"""Milliseconds that one value of a metric covers. Source: CloudWatch, standard resolution."""

METRICS: Final[dict[EventName | OwnFact, str]] = {
    EventName.ORGANIZATION_EMAIL_RECEIVED: "OrganizationEmailReceived",
    EventName.MAILBOX_EMAIL_DELIVERED: "MailboxEmailDelivered",
    EventName.INCOMING_EMAIL_BOUNCED: "IncomingEmailBounced",
    EventName.OUTGOING_EMAIL_BOUNCED: "OutgoingEmailBounced",
    EventName.OUTGOING_EMAIL_SENT: "OutgoingEmailSent",
    OwnFact.TRANSMIT_DEFERRED: OUTGOING_EMAIL_DELAYED,
    OwnFact.PROVIDER_ASKED: AVAILABILITY_PROVIDER_FAILURE,
}


def count(facts: Iterable[Fact], metrics: Metrics) -> None:
    """Count facts by organization and by the minute in which they happened."""
    counts: dict[tuple[str, int], tuple[Counter[str], Counter[str]]] = {}
    for fact in facts:
        metric, number = _metric(fact), _number(fact)
        if metric is not None and number:
            series = (fact.organization_id, fact.at // PERIOD_MS * PERIOD_MS)
            ones, zeros = counts.setdefault(series, (Counter(), Counter()))
            (zeros if _is_zero(fact) else ones)[metric] += number
    for (organization_id, at), (ones, zeros) in counts.items():
        metrics.count(organization_id, at, ones, zeros)


def _metric(fact: Fact) -> str | None:
    if fact.name is OwnFact.RULE_ATTEMPTED and "failure" in fact.data:
        return RULE_FUNCTION_FAILURE
    return METRICS.get(fact.name)


def _number(fact: Fact) -> int:
    """Return how many observations a fact is: of an attempt to transmit, the recipients that it says are delayed."""
    return int(fact.data.get("delayed", 0)) if fact.name is OwnFact.TRANSMIT_DEFERRED else 1


def _is_zero(fact: Fact) -> bool:
    """Say whether a fact is an observation of 0."""
    return fact.name is OwnFact.PROVIDER_ASKED and fact.event.get("availability_event_successful") is True
