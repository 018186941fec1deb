"""Uploads and staging of mailbox exports in memory, with refusals for tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postroom.contracts.export_orders import Upload
from postroom.errors import ExportRefusedError, MessageNotFoundError, PartsDifferError, UploadGoneError
from postroom.ports.export_uploads import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from postroom.adapters.memory.sealed_mail import MemorySealedMail
    from postroom.contracts.export_orders import Destination


@dataclass(slots=True)
class MemoryExportUploads:
    """Implements ``ExportUploads``.

    Attributes:
        objects: what was completed or written, by bucket and key.
        encrypted: the KMS key of each object.
        open: the parts of each upload: entity tag and bytes, by number.
        refuses: why every write is refused, if it is.
        public: names of public buckets.
    """

    objects: dict[tuple[str, str], bytes] = field(default_factory=dict)
    encrypted: dict[tuple[str, str], str] = field(default_factory=dict)
    open: dict[str, dict[int, tuple[str, bytes]]] = field(default_factory=dict)
    places: dict[str, Destination] = field(default_factory=dict)
    refuses: str = ""
    public: set[str] = field(default_factory=set)
    _made: int = 0

    def require_private(self, destination: Destination) -> None:
        self._check()
        if destination.bucket in self.public:
            raise ExportRefusedError(f"bucket {destination.bucket} is public: its policy is public")

    def start(self, destination: Destination) -> Upload:
        self._check()
        upload = Upload(destination=destination, id=f"upload-{self._next()}")
        self.open[upload.id] = {}
        self.places[upload.id] = destination
        return upload

    def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        self._check()
        part = Part(number, f'"tag-{self._next()}"')
        self._parts(upload)[number] = (part.etag, bytes(content))
        return part

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        self._check()
        known = self._parts(upload)
        if any(part.number not in known or known[part.number][0] != part.etag for part in parts):
            raise PartsDifferError("parts of the archive are not those that were recorded")
        self._write(upload.destination, upload.destination.path, b"".join(known[part.number][1] for part in parts))
        del self.open[upload.id]

    def abort(self, upload: Upload) -> None:
        self._check()
        self.open.pop(upload.id, None)

    def abort_others(self, destination: Destination) -> None:
        for name in [name for name in self.open if self.places[name] == destination]:
            self.abort(Upload(destination=destination, id=name))

    def is_there(self, destination: Destination) -> bool | None:
        return (destination.bucket, destination.path) in self.objects

    def put_log(self, destination: Destination, path: str, content: bytes) -> None:
        self._check()
        self._write(destination, path, content)

    def _write(self, destination: Destination, path: str, content: bytes) -> None:
        self.objects[destination.bucket, path] = content
        self.encrypted[destination.bucket, path] = destination.key_arn

    def _parts(self, upload: Upload) -> dict[int, tuple[str, bytes]]:
        if upload.id not in self.open:
            raise UploadGoneError("the upload of the archive was completed or aborted")
        return self.open[upload.id]

    def _check(self) -> None:
        if self.refuses:
            raise ExportRefusedError(self.refuses)

    def _next(self) -> int:
        self._made += 1
        return self._made


@dataclass(slots=True)
class MemoryExportStaging:
    """Implements ``ExportStaging``."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def put(self, key: str, sealed: bytes) -> None:
        self.objects[key] = sealed

    def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise MessageNotFoundError("there is no such sealed object")
        return self.objects[key]

    def in_order(self, keys: Iterable[str]) -> Iterator[bytes]:
        return map(self.get, keys)

    def remove_under(self, prefix: str) -> None:
        for key in [key for key in self.objects if key.startswith(prefix)]:
            del self.objects[key]


@dataclass(frozen=True, slots=True)
class MemorySealedReads:
    """Implements ``SealedReads``."""

    sealed: MemorySealedMail

    def in_order(self, keys: Iterable[tuple[str, int]]) -> Iterator[bytes | None]:
        for key, _ in keys:
            try:
                yield self.sealed.get(key)
            except MessageNotFoundError:
                yield None
