"""What a mailbox export has left in the customer's bucket, and what is wrong with it."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import boto3

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mypy_boto3_s3 import S3Client

BUCKET: Final = "take-out"
JOB: Final = "3b0c7d52-94e1-4f6a-8c2d-5e7f9a1b3c4d"
ARCHIVE: Final = f"exports/{JOB}.zip"
LOG: Final = f"exports/{JOB}.json"


@dataclass(frozen=True, slots=True)
class Exported:
    """The objects of the customer's bucket, and its unfinished uploads; the state of the job."""

    objects: Mapping[str, bytes]
    uploads: int
    state: str


def make_bucket() -> None:
    """Make the customer's bucket; one that exists is emptied."""
    s3 = boto3.client("s3")
    if _is_there(s3):
        remove_bucket()
    s3.create_bucket(Bucket=BUCKET)


def remove_bucket() -> None:
    """Remove the bucket with everything in it."""
    s3: Any = boto3.client("s3")
    for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        s3.delete_object(Bucket=BUCKET, Key=found["Key"])
    for upload in s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=BUCKET, Key=upload["Key"], UploadId=upload["UploadId"])
    s3.delete_bucket(Bucket=BUCKET)


def _is_there(s3: S3Client) -> bool:
    return any(bucket["Name"] == BUCKET for bucket in s3.list_buckets()["Buckets"])


def gathered(rows: Sequence[Mapping[str, Any]]) -> Exported | None:
    """Read the bucket, and the job among the directory's rows; ``None`` if there is no such bucket."""
    s3 = boto3.client("s3")
    if not _is_there(s3):
        return None
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    objects = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}
    uploads = len(s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))
    states = [row["state"]["S"] for row in rows if "EXPORT#" in row["sk"]["S"]]
    return Exported(objects, uploads, "".join(states))


def faults_of(found: Exported, wanted: str, contents: Sequence[bytes]) -> Iterator[str]:
    """Yield what is wrong.

    Args:
        wanted: the state that the job should have.
        contents: what an archive should have.
    """
    if found.state != wanted:
        yield f"the job is {found.state}, not {wanted}"
    if found.uploads:
        yield f"{found.uploads} uploads are left in the customer's bucket"
    if wanted != "COMPLETED":
        if found.objects:
            yield f"{', '.join(found.objects)} are in the customer's bucket"
        return
    if set(found.objects) != {ARCHIVE, LOG}:
        yield f"the customer's bucket has {', '.join(found.objects) or 'nothing'}"
        return
    archive, log = found.objects[ARCHIVE], json.loads(found.objects[LOG])
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        mail = [opened.read(name) for name in opened.namelist() if name != "manifest.jsonl" and not name.endswith("/")]
    if sorted(mail) != sorted(contents):
        yield "the archive has other messages than the mailbox"
    if log["sha384Hash"] != hashlib.sha384(archive).hexdigest():
        yield "the log has another hash than the archive"
