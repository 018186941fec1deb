"""The archive of a mailbox export, as one multipart upload into the customer's bucket."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from postroom.model.limits import MB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postroom.contracts.export_orders import Destination, Upload

MIN_PART_BYTES: Final = 5 * MB
"""Smallest part that is not an upload's last. Source: S3, "Amazon S3 multipart upload limits"."""

MAX_PARTS: Final = 10_000
"""Largest number of a part. Source: as before."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload: its number, from 1, and the entity tag that S3 gave it.

    A part that is uploaded again may get another tag, though its bytes are the same: with SSE-KMS a tag is no MD5
    digest. Source: S3's API reference, Object.
    """

    number: int
    etag: str


class ExportUploads(Protocol):
    """Suite: tests/contract/test_export_uploads.py.

    Everything is written under the destination's role, encrypted with its KMS key without a bucket key: the guide's
    policy names the object in the encryption context. Every method raises:

        ExportRefusedError: role, bucket or KMS key do not exist or refuse; the text says which and repeats S3's code.
        StoreUnavailableError: S3 or STS did not answer, or throttles; a retry may succeed.
    """

    def require_private(self, destination: Destination) -> None:
        """Refuse a bucket that is public by now, or belongs to another account than the role.

        The caller asks before it starts an upload, and again before it has one completed.
        """

    def start(self, destination: Destination) -> Upload:
        """Start another upload."""

    def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        """Upload a part, or replace it.

        Raises:
            UploadGoneError: the upload was completed or aborted.
        """

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        """Make the object of parts, in ascending order of their numbers; a number that is not named is dropped.

        Raises:
            UploadGoneError: the upload was completed, perhaps by an earlier call, or aborted.
            PartsDifferError: a part does not exist, or has another tag.
        """

    def abort(self, upload: Upload) -> None:
        """Remove an upload with its parts, if it exists. An upload that was completed stays as it is."""

    def abort_others(self, destination: Destination) -> None:
        """Remove every upload of the destination's key: also one whose start was not recorded.

        It lists uploads under the stack's own role, because the guide's policy does not let the customer's; where that
        is refused, nothing is removed.
        """

    def is_there(self, destination: Destination) -> bool | None:
        """Return whether an object exists under the destination's key; ``None`` if the stack may not list it."""

    def put_log(self, destination: Destination, path: str, content: bytes) -> None:
        """Write an object beside the archive, under the same role and KMS key."""
