"""Buckets of exports, in memory."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postroom.ports.export_checks import BucketFacts


@dataclass(slots=True)
class MemoryExportBuckets:
    """Implements ``ExportBuckets``. ``buckets`` holds the facts by name."""

    buckets: dict[str, BucketFacts] = field(default_factory=dict)

    def describe(self, name: str) -> BucketFacts | None:
        return self.buckets.get(name)
