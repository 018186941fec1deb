"""The order to report a message to the journal: ingest and submissions make it with the flow (docs/decisions/0055)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.contracts.journal_orders import JournalOrder
from postroom.model.recipient_names import folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroom.model.addresses import Address
    from postroom.model.journaling import Journaling
    from postroom.routing.outbound_flow import OutboundFlow
    from postroom.routing.plan import Flow


def journal_orders(
    journaling: Journaling | None,
    flow: Flow | OutboundFlow,
    recipients: Mapping[str, Address],
    domains: set[str],
    *,
    submitted: bool,
    part: str = "",
) -> tuple[JournalOrder, ...]:
    """Return the order to report a message, if there is one.

    Mail for the journaling address alone is not reported: it is a report, or would be one of itself (ours).

    Args:
        recipients: envelope recipients, lower-case, by their names in the flow; groups not expanded.
        domains: those of their domains that are the organization's.
        submitted: of ``JournalOrder``.
        part: of ``JournalOrder``.
    """
    if journaling is None or {*map(str, recipients.values())} <= {folded(journaling.address)}:
        return ()
    order = JournalOrder(
        trace=flow.trace,
        organization_id=flow.organization_id,
        part=part,
        address=journaling.address,
        report_address=journaling.report_address,
        author=journaling.author,
        submitted=submitted,
        envelope_from=flow.envelope_from,
        recipients=tuple(recipients),
        domains=tuple(sorted(domains)),
        raw=flow.raw,
        size=flow.size,
        since=flow.now,
    )
    return (order,)
