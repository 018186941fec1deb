"""Whether a received message is reported to the journal, and for which of its recipients.

Source: guide, ZH:7395: all mail to a user of the organization. Ours: mail that is refused as a whole (a virus, a limit,
the policy of the sender's domain) is not reported, nor recipients that no mailbox or group has.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from postroom.model.facts import EventName
from postroom.model.verdicts import Verdict
from postroom.routing.journal import journal_orders
from postroom.routing.plan import Plan, refused_recipient
from postroom.routing.resolve import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.inbound.envelope import Arrival
    from postroom.inbound.policy import InboundSettings
    from postroom.model.addresses import Address
    from postroom.model.facts import Fact
    from postroom.ports.directory import Addressees

REPORTER: Final = "amazonjournaling@"
"""What the From of every report begins with (``model.journaling``)."""


def with_report(
    plan: Plan,
    arrival: Arrival,
    received: Fact,
    recipients: Mapping[str, Address],
    settings: InboundSettings,
    directory: Addressees,
    part: str,
) -> Plan:
    """Return a plan with the order to report the message, if there is one.

    Args:
        received: the fact that opens the flow, or adds ``recipients`` to it.
        part: what keys of facts end with, where recipients are added to a flow; else empty.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    if settings.rules.journaling is None or arrival.excess is not None or any(map(_is_rejection, plan.facts)):
        return plan
    unknown = {refused_recipient(fact) for fact in plan.facts if _is_unknown(fact)}
    known = {name: address for name, address in recipients.items() if name not in unknown}
    if _is_report(arrival, directory):
        return plan
    domains = {address.domain for address in known.values()}
    flow = arrival.flow(received)
    orders = journal_orders(settings.rules.journaling, flow, known, domains, submitted=False, part=part)
    return replace(plan, entries=(*orders, *plan.entries))


def _is_rejection(fact: Fact) -> bool:
    return fact.name is EventName.DMARC_POLICY_APPLIED and bool(fact.data.get("final"))


def _is_unknown(fact: Fact) -> bool:
    refused = fact.event.get("bouncedRecipient")
    return isinstance(refused, dict) and (refused.get("reason"), refused.get("status")) == UNKNOWN


def _is_report(arrival: Arrival, directory: Addressees) -> bool:
    """Say whether a message is a report of an organization of this stack.

    Two organizations that journal to each other would report each other's reports without end. The headers alone do not
    say it, because any sender can write them: DMARC has to have passed for the test domain that reports come from.
    """
    author = arrival.headers.address("From")
    if not author.startswith(REPORTER) or arrival.notification.verdicts.dmarc is not Verdict.PASS:
        return False
    domain = directory.domain(author.removeprefix(REPORTER))
    return domain is not None and domain.is_test
