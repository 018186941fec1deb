"""Caps: how many bounce messages may be sent in an hour.

SES limits what an account sends in 24 hours and in a second, and watches which of it is unwanted. Only senders whose
domain is confirmed get bounce messages, but the owner of a domain can write with any local part, from any number of
domains, to any organization. So the exact address, its domain, the organization and the stack have a cap each.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from postroom.mime.automatic import writable
from postroom.model.limits import HOUR_MS
from postroom.ports.transit import Allowance

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.facts import Fact


@dataclass(frozen=True, slots=True)
class Caps:
    """Most bounce messages in one hour of the clock, each at least 1. Ours.

    Any 24 hours touch at most 25 hours of the clock, so a stack sends at most 25 times ``per_stack`` in them.

    Attributes:
        per_sender: to one address, for each organization.
        per_domain: to all addresses of one domain, for each organization.
        per_organization: for one organization.
        per_stack: for all organizations.
    """

    per_sender: int = 20
    per_domain: int = 100
    per_organization: int = 500
    per_stack: int = 1000

    def allowances(self, received: Fact, now: int) -> Mapping[Allowance, str]:
        """Return the allowances of a flow's bounce message, narrowest first, each with the reason if it is used up.

        Domains count by their A-labels, addresses without case. The names of the allowances contain no address.

        Args:
            received: the fact that opened the flow.
            now: milliseconds since the epoch.
        """
        hour, organization = now // HOUR_MS, received.organization_id
        sender = str(received.data["envelopeFrom"])
        address = (writable(sender) or sender).lower()
        domain = address.rpartition("@")[2]
        caps = (
            (f"{organization}:sender:{_hash(address)}", self.per_sender, "the sender has"),
            (f"{organization}:domain:{_hash(domain)}", self.per_domain, "the sender's domain has"),
            (organization, self.per_organization, "senders to this organization have"),
            ("stack", self.per_stack, "senders to all organizations have"),
        )
        return {
            Allowance(f"bounces:{name}:{hour}", most, (hour + 2) * HOUR_MS // 1000): (
                f"{who} had {most} bounce messages in this hour"
            )
            for name, most, who in caps
        }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]
