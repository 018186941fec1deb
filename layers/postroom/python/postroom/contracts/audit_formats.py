"""Audit records as lines of a destination: json, plain and w3c.

Absent values are ``-`` in plain and w3c, as in the vended logs of CloudFront and VPC, and absent keys in json. No value
ends a line, a column or a header: what could is percent-encoded, ``%`` included, so a reader gets every value back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from postroom.model.audit_deliveries import AuditDelivery


class HasFields(Protocol):
    """An audit record, as far as it is written."""

    @property
    def fields(self) -> Mapping[str, Any]:
        """Texts, whole numbers, truth values and lists of texts by key; no value is None."""


def lines(records: Sequence[HasFields], delivery: AuditDelivery) -> Sequence[str]:
    """Return one line per record, in their order, without line ends."""
    raise NotImplementedError


def header(delivery: AuditDelivery) -> Sequence[str]:
    """Return the lines with which an object begins; none for formats without a header."""
    raise NotImplementedError
