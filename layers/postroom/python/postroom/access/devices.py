"""Decides whether a mobile device may synchronize a user's mail by Exchange ActiveSync.

Nothing is cached: a changed rule or override applies to the next request. The guide allows five minutes for it
(ZH:6606, 6688).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.model.device_rules import (
    DeviceDecision,
    DeviceOverride,
    DeviceRule,
    decide,
    override_key,
    rules_in_force,
)
from postroom.ports.directory import every_owned

if TYPE_CHECKING:
    from postroom.model.device_rules import Device
    from postroom.model.records import Organization
    from postroom.ports.directory import OwnedRecords


def device_decision(
    records: OwnedRecords, organization: Organization, user_id: str, device_id: str, device: Device
) -> DeviceDecision:
    """Decide by the override of a user and device if there is one, else by the rules of the organization.

    Args:
        device_id: as the device reports it, in any case.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    override = records.owned(DeviceOverride, organization.id, override_key(user_id, device_id))
    if override is not None:
        return DeviceDecision(override.effect, overridden=True)
    return decide(rules_of(records, organization), device)


def rules_of(records: OwnedRecords, organization: Organization) -> tuple[DeviceRule, ...]:
    """Return the rules that apply in an organization, the oldest first.

    Raises:
        StoreUnavailableError: the directory did not answer.
    """
    return rules_in_force(organization, every_owned(records, DeviceRule, organization.id))
