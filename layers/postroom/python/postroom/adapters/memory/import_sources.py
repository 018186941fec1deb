"""Archives of imports, in memory."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.errors import InvalidArchiveError
from postroom.ports.import_sources import ObjectFacts

if TYPE_CHECKING:
    from typing import BinaryIO

    from postroom.model.imports import MailboxImportJob


@dataclass(slots=True)
class MemoryImportSources:
    """Implements ``ImportObjects`` and ``ImportSources``. ``objects`` holds contents by bucket and key."""

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)

    def find(self, bucket: str, path: str) -> ObjectFacts | None:
        content = self.objects.get((bucket, path))
        return None if content is None else ObjectFacts(len(content), etag_of(content))

    def open(self, job: MailboxImportJob) -> tuple[BinaryIO, int]:
        content = self.objects.get((job.bucket, job.path))
        if content is None:
            raise InvalidArchiveError("no such object")
        if etag_of(content) != job.etag:
            raise InvalidArchiveError("the object was changed since the import was started")
        return io.BytesIO(content), len(content)


def etag_of(content: bytes) -> str:
    """Return the entity tag of an object here."""
    return f'"{hash(content):x}"'
