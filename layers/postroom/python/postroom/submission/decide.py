"""What becomes of a submitted message, recipient by recipient: orders, and facts of what is final at once.

Outbound rules and recipients of the own organization have no effect yet: every recipient gets the message by SES.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.contracts.outbound_orders import TransmitOrder
from postroom.model.facts import Fact
from postroom.routing.plan import Plan

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.mime.headers import Headers
    from postroom.model.addresses import Address
    from postroom.model.directory import MailDomain
    from postroom.routing.outbound_flow import OutboundFlow


@dataclass(frozen=True, slots=True)
class OutboundSettings:
    """What the organization says of outbound mail at this moment.

    Attributes:
        domains: those of its domains that the author and the recipients have.
    """

    domains: Sequence[MailDomain]

    @property
    def rules_version(self) -> int:
        """The newest that one of its domains names: they differ only while a change spreads."""
        return max(domain.rules_version for domain in self.domains)


def decide(
    flow: OutboundFlow,
    headers: Headers,  # noqa: ARG001 - the rules' senders are taken from them
    recipients: Mapping[str, Address],
    inside: Mapping[str, Address],  # noqa: ARG001 - they go by SES like others
    settings: OutboundSettings,  # noqa: ARG001 - there are no rules yet
) -> Plan:
    """Decide what becomes of a message for every one of its recipients.

    Args:
        headers: of the message as it was submitted.
        recipients: envelope recipients by their lower-case addresses; order matters.
        inside: those of them that are in a domain of the sender's organization.
    """
    return Plan(tuple(flow.transmissions(list(recipients))))


def needs_plain_copy(plan: Plan) -> bool:
    """Say whether an order of a plan is carried out by a station that reads no sealed mail."""
    return any(not isinstance(entry, Fact | TransmitOrder) for entry in plan.entries)
