"""Archives of mailbox exports as multipart uploads, under customers' roles."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.export_checks import PUBLIC_POLICY, policy_is_public
from postroom.adapters.aws.transactions import code_of
from postroom.contracts.export_orders import Upload
from postroom.errors import ExportRefusedError, PartsDifferError, StoreUnavailableError, UploadGoneError
from postroom.ports.export_uploads import Part

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mypy_boto3_s3 import S3Client

    from postroom.adapters.aws.assumed_roles import AssumedRoles
    from postroom.contracts.export_orders import Destination

_REFUSED: Final = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AllAccessDisabled",
        "InvalidArgument",
        "InvalidRequest",
        "MalformedPolicyDocument",
        "NoSuchBucket",
        "PermanentRedirect",
        "403",
        "404",
    }
)
_NO_UPLOAD: Final = frozenset({"NoSuchBucket", "NoSuchUpload"})
_EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken"})
"""Credentials of the role are too old; new ones are fetched with the next attempt."""

_NOT_OURS_TO_LIST: Final = frozenset({"AccessDenied", "NoSuchBucket", "AllAccessDisabled", "PermanentRedirect"})


@dataclass(frozen=True, slots=True)
class S3ExportUploads:
    """Implements ``ExportUploads``. ``own`` is the stack's own client, for lists."""

    own: S3Client
    roles: AssumedRoles[S3Client]

    def require_private(self, destination: Destination) -> None:
        with self._as(destination, "see whether the policy is public") as client:
            is_public = policy_is_public(client, destination.bucket, destination.account)
        if is_public:
            raise ExportRefusedError(f"bucket {destination.bucket} is public: {PUBLIC_POLICY}")

    def start(self, destination: Destination) -> Upload:
        with self._as(destination, "start the upload") as client:
            answer = client.create_multipart_upload(
                Key=destination.path,
                ContentType="application/zip",
                **_bucket(destination),
                **_encrypted(destination),
            )
        return Upload(destination=destination, id=answer["UploadId"])

    def put_part(self, upload: Upload, number: int, content: bytes) -> Part:
        where = upload.destination
        with self._as(where, "write the archive") as client:
            answer = client.upload_part(
                Key=where.path, UploadId=upload.id, PartNumber=number, Body=content, **_bucket(where)
            )
        return Part(number, answer["ETag"])

    def complete(self, upload: Upload, parts: Sequence[Part]) -> None:
        where = upload.destination
        named: Any = [{"PartNumber": part.number, "ETag": part.etag} for part in parts]
        with self._as(where, "complete the archive") as client:
            client.complete_multipart_upload(
                Key=where.path, UploadId=upload.id, MultipartUpload={"Parts": named}, **_bucket(where)
            )

    def abort(self, upload: Upload) -> None:
        where = upload.destination
        with self._as(where, "abort the upload") as client:
            try:
                client.abort_multipart_upload(Key=where.path, UploadId=upload.id, **_bucket(where))
            except ClientError as error:
                if code_of(error) not in _NO_UPLOAD:
                    raise

    def abort_others(self, destination: Destination) -> None:
        try:
            answer = self.own.list_multipart_uploads(Prefix=destination.path, **_bucket(destination))
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _NOT_OURS_TO_LIST:
                return
            raise StoreUnavailableError(f"could not list uploads: {code_of(error)}") from error
        for found in answer.get("Uploads", []):
            if found["Key"] == destination.path:
                self.abort(Upload(destination=destination, id=found["UploadId"]))

    def is_there(self, destination: Destination) -> bool | None:
        try:
            answer = self.own.list_objects_v2(Prefix=destination.path, MaxKeys=1, **_bucket(destination))
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _NOT_OURS_TO_LIST:
                return None
            raise StoreUnavailableError(f"could not list a customer's bucket: {code_of(error)}") from error
        return any(found["Key"] == destination.path for found in answer.get("Contents", []))

    def put_log(self, destination: Destination, path: str, content: bytes) -> None:
        with self._as(destination, "write the log") as client:
            client.put_object(
                Key=path,
                Body=content,
                ContentType="application/json",
                **_bucket(destination),
                **_encrypted(destination),
            )

    @contextmanager
    def _as(self, destination: Destination, what: str) -> Iterator[S3Client]:
        """Yield a client that acts in the destination's role; ``what`` completes "could not …"."""
        try:
            client = self.roles.client(destination.role_arn, destination.external_id)
        except (BotoCoreError, ClientError) as error:
            code = code_of(error)
            if code in _REFUSED:
                text = f"the role {destination.role_arn} cannot be assumed: {code}"
                raise ExportRefusedError(text) from error
            raise StoreUnavailableError(f"could not assume the role of an export: {code}") from error
        try:
            yield client
        except (BotoCoreError, ClientError) as error:
            code = code_of(error)
            if code in _EXPIRED:
                self.roles.forget(destination.role_arn, destination.external_id)
            if code == "NoSuchUpload":
                raise UploadGoneError("the upload of the archive was completed or aborted") from error
            if code in {"InvalidPart", "InvalidPartOrder"}:
                raise PartsDifferError("parts of the archive are not those that were recorded") from error
            if code in _REFUSED or code.startswith("KMS."):
                # a policy that is mended may need a new session
                self.roles.forget(destination.role_arn, destination.external_id)
                text = f"{destination.role_arn} could not {what} at {destination.bucket}: {code}"
                raise ExportRefusedError(text) from error
            raise StoreUnavailableError(f"could not {what}: {code}") from error


def _bucket(destination: Destination) -> Any:
    """Return the bucket, if it is the account's: its name may be another's since the job was started."""
    return {"Bucket": destination.bucket, "ExpectedBucketOwner": destination.account}


def _encrypted(destination: Destination) -> Any:
    return {
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": destination.key_arn,
        "BucketKeyEnabled": False,
    }
