"""Archives in customers' buckets that are imported into mailboxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import BinaryIO

    from postroom.model.imports import MailboxImportJob


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """An object: its size in bytes, and its entity tag as S3 writes it."""

    size: int
    etag: str


class ImportObjects(Protocol):
    """Looks for archives without reading them. Suite: tests/contract/test_import_sources.py."""

    def find(self, bucket: str, path: str) -> ObjectFacts | None:
        """Return the properties of an object of this account's; ``None`` if there is none, or it may not be listed.

        Raises:
            StoreUnavailableError: S3 did not answer.
        """


class ImportSources(Protocol):
    """Reads archives. Suite: tests/contract/test_import_sources.py."""

    def open(self, job: MailboxImportJob) -> tuple[BinaryIO, int]:
        """Open a job's archive under its role, and return it with its size in bytes; it can be sought.

        Raises:
            InvalidArchiveError: role, bucket or object do not exist or refuse, or the object is not the one that the
                job was started with. Reads raise it, too.
            StoreUnavailableError: S3 or STS did not answer. Reads raise it, too.
        """
