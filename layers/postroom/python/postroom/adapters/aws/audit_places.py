"""The destination that a delivery names, which must be in the stack's own account and Region."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postroom.errors import AuditRefusedError
from postroom.model.audit_targets import target_fault, target_of

if TYPE_CHECKING:
    from postroom.model.audit_deliveries import AuditDelivery
    from postroom.model.audit_targets import AuditTarget, Place


def known(delivery: AuditDelivery, place: Place) -> AuditTarget:
    """Return the destination.

    Raises:
        AuditRefusedError: the ARN names none of the delivery's kind, or one elsewhere.
    """
    fault = target_fault(delivery.target_arn, delivery.kind, place)
    target = target_of(delivery.target_arn)
    if fault or target is None:
        raise AuditRefusedError(fault)
    return target
