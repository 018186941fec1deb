"""Checks of a bucket, before a mailbox is exported there.

The trust of the export's role is read through ``ports.log_targets``, its key through ``ports.organization_keys``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BucketFacts:
    """A bucket.

    Attributes:
        region: where it is.
        readable: it belongs to this account, and its policy and ACL may be read.
        public: what opens it to everyone, as a clause for an error; empty if nothing does, or it is not ``readable``.
    """

    region: str
    readable: bool = True
    public: str = ""


class ExportBuckets(Protocol):
    """Suite: tests/contract/test_export_checks.py."""

    def describe(self, name: str) -> BucketFacts | None:
        """Return the properties of a bucket of any account and Region; ``None`` if there is none of this name.

        Of a bucket in another Region only the Region is looked at.

        Raises:
            StoreUnavailableError: S3 did not answer.
        """
