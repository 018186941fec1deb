"""The two services of mail clients that submit: they differ in how TLS begins, and in nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


class Service(StrEnum):
    """A service by its name at IANA."""

    SUBMISSION = "submission"
    """TLS begins with STARTTLS. Source: RFC 6409, RFC 3207."""

    SUBMISSIONS = "submissions"
    """TLS is there from the first byte ("implicit TLS"). Source: RFC 8314, 3.3 and 7.3."""


PORTS: Final[Mapping[Service, int]] = {Service.SUBMISSION: 587, Service.SUBMISSIONS: 465}
"""Assigned ports. Source: RFC 6409, 3.1; RFC 8314, 7.3."""
