"""Written objects and chains of digests, in memory."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import ConflictError
from postroom.model.audit_chains import begun
from postroom.ports.audit_chains import OpenObject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroom.model.audit_chains import AuditChain
    from postroom.ports.written_objects import WrittenObject


@dataclass(slots=True)
class MemoryWrittenObjects:
    """Implements ``WrittenObjects`` and ``AuditChains``."""

    _heads: dict[str, AuditChain] = field(default_factory=dict)
    _open: dict[str, dict[str, OpenObject]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def intend(self, objects: Sequence[WrittenObject]) -> None:
        with self._lock:
            for written in objects:
                head = begun(written.organization_id, written.bucket, written.key, written.at_ms)
                self._heads.setdefault(head.place, head)
                found = self._open.setdefault(head.place, {})
                if written.key not in found or not found[written.key].complete:
                    found[written.key] = OpenObject(written, complete=False)

    def complete(self, objects: Sequence[WrittenObject]) -> None:
        with self._lock:
            for written in objects:
                place = begun(written.organization_id, written.bucket, written.key, written.at_ms).place
                self._open.setdefault(place, {})[written.key] = OpenObject(written, complete=True)

    def chains(self) -> Sequence[AuditChain]:
        with self._lock:
            return [self._heads[place] for place in sorted(self._heads)]

    def open_objects(self, chain: AuditChain) -> Iterator[OpenObject]:
        with self._lock:
            found = dict(self._open.get(chain.place, {}))
        yield from (found[key] for key in sorted(found, key=str.encode))

    def advance(self, before: AuditChain, after: AuditChain) -> None:
        with self._lock:
            if self._heads.get(before.place) != before:
                raise ConflictError("another run has moved the head of the chain")
            self._heads[before.place] = after

    def listed(self, chain: AuditChain, keys: Sequence[str]) -> None:
        with self._lock:
            for key in keys:
                self._open.get(chain.place, {}).pop(key, None)

    def given_up(self, chain: AuditChain, keys: Sequence[str]) -> None:
        with self._lock:
            found = self._open.get(chain.place, {})
            for key in [each for each in keys if each in found and not found[each].complete]:
                del found[key]
