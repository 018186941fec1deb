"""Passwords of EWS availability providers in memory."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

from postroom.errors import KeyUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class MemoryAvailabilityPasswords:
    """Implements ``AvailabilityPasswords`` and ``AvailabilityPasswordReads``, for any thread.

    Attributes:
        secrets: passwords by version, by organization and domain.
        most: secrets that one call of ``remove_some`` removes.
    """

    disabled: bool = False
    most: int = 25
    secrets: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    _locks: dict[tuple[str, str], Lock] = field(default_factory=dict)

    @contextmanager
    def changing(self, organization_id: str, domain: str) -> Iterator[None]:
        with self._locks.setdefault((organization_id, domain), Lock()):
            yield

    def put(self, organization_id: str, domain: str, version: str, password: str) -> None:
        if self.disabled:
            raise KeyUnavailableError("the stack's KMS key cannot be used: disabled")
        self.secrets.setdefault((organization_id, domain), {}).setdefault(version, password)

    def password(self, organization_id: str, domain: str, version: str) -> str | None:
        if self.disabled:
            raise KeyUnavailableError("the stack's KMS key cannot be used: disabled")
        return self.secrets.get((organization_id, domain), {}).get(version)

    def remove(self, organization_id: str, domain: str) -> None:
        self.secrets.pop((organization_id, domain), None)

    def remove_some(self, organization_id: str) -> bool:
        found = [place for place in list(self.secrets) if place[0] == organization_id]
        for place in found[: self.most]:
            self.remove(*place)
        return not found
