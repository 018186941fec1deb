"""Archives of exports as multipart uploads, in memory and in S3 alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from postroom.adapters.aws.assumed_roles import EXPORT_SESSION, AssumedRoles
from postroom.adapters.aws.export_uploads import S3ExportUploads
from postroom.adapters.memory.exports import MemoryExportUploads
from postroom.contracts.export_orders import Destination, Upload
from postroom.errors import ExportRefusedError, PartsDifferError, StoreUnavailableError, UploadGoneError
from postroom.ports.export_uploads import MIN_PART_BYTES

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

    from postroom.ports.export_uploads import ExportUploads
    from tests.support.stack import Stack

KEY = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
HERE = Destination(
    role_arn="arn:aws:iam::123456789012:role/export",
    external_id="arn:aws:workmail:us-east-1:123456789012:organization/m-1",
    key_arn=KEY,
    bucket="take-out",
    path="mail/job-1.zip",
)
BESIDE = HERE.model_copy(update={"path": "mail/job-1.zip2"})
FULL = b"x" * MIN_PART_BYTES


def in_s3(stack: Stack, sts: STSClient | None = None) -> S3ExportUploads:
    roles = AssumedRoles(sts or boto3.client("sts"), lambda _: stack.s3, lambda: 0, EXPORT_SESSION)
    return S3ExportUploads(stack.s3, roles)


@pytest.fixture(params=["memory", "s3"])
def uploads(request: pytest.FixtureRequest) -> ExportUploads:
    if request.param == "memory":
        return MemoryExportUploads()
    stack: Stack = request.getfixturevalue("stack")
    stack.s3.create_bucket(Bucket="take-out")
    return in_s3(stack)


def test_parts_become_one_object_in_the_order_of_their_numbers(uploads: ExportUploads) -> None:
    upload = uploads.start(HERE)
    last, first = uploads.put_part(upload, 7, b"end"), uploads.put_part(upload, 2, FULL)
    assert uploads.is_there(HERE) is False
    uploads.complete(upload, [first, last])
    assert uploads.is_there(HERE) is True
    assert content(uploads, HERE) == FULL + b"end"


def test_a_part_that_is_uploaded_again_replaces_the_first(uploads: ExportUploads) -> None:
    upload = uploads.start(HERE)
    first = uploads.put_part(upload, 1, b"first")
    second = uploads.put_part(upload, 1, b"second")
    with pytest.raises(PartsDifferError):
        uploads.complete(upload, [first])
    uploads.complete(upload, [second])
    assert content(uploads, HERE) == b"second"


def test_a_part_that_was_not_uploaded_is_missed(uploads: ExportUploads) -> None:
    upload = uploads.start(HERE)
    part = uploads.put_part(upload, 1, FULL)
    with pytest.raises(PartsDifferError):
        uploads.complete(upload, [part, type(part)(2, part.etag)])


def test_an_upload_that_was_aborted_is_gone(uploads: ExportUploads) -> None:
    upload = uploads.start(HERE)
    part = uploads.put_part(upload, 1, b"1")
    uploads.abort(upload)
    uploads.abort(upload)
    with pytest.raises(UploadGoneError):
        uploads.put_part(upload, 2, b"2")
    with pytest.raises(UploadGoneError):
        uploads.complete(upload, [part])
    assert uploads.is_there(HERE) is False


def test_abort_leaves_what_was_completed(uploads: ExportUploads) -> None:
    upload = uploads.start(HERE)
    uploads.complete(upload, [uploads.put_part(upload, 1, b"1")])
    uploads.abort(upload)
    assert content(uploads, HERE) == b"1"


def test_every_upload_of_a_key_is_found_and_no_other(uploads: ExportUploads) -> None:
    forgotten, other = [uploads.start(HERE), uploads.start(HERE)], uploads.start(BESIDE)
    uploads.abort_others(HERE)
    for upload in forgotten:
        with pytest.raises(UploadGoneError):
            uploads.put_part(upload, 1, b"1")
    uploads.put_part(other, 1, b"1")


def test_the_log_is_written_beside_the_archive(uploads: ExportUploads) -> None:
    uploads.put_log(HERE, "mail/job-1.json", b"{}")
    assert content(uploads, HERE.model_copy(update={"path": "mail/job-1.json"})) == b"{}"
    assert uploads.is_there(HERE) is False


def test_archive_and_log_are_encrypted_with_the_given_key_and_no_bucket_key(stack: Stack) -> None:
    stack.s3.create_bucket(Bucket="take-out")
    uploads = in_s3(stack)
    asked: list[dict[str, Any]] = []
    stack.s3.meta.events.register("provide-client-params.s3", lambda params, **_: asked.append(dict(params)))
    upload = uploads.start(HERE)
    uploads.complete(upload, [uploads.put_part(upload, 1, b"1")])
    uploads.put_log(HERE, "mail/job-1.json", b"{}")
    for key in (HERE.path, "mail/job-1.json"):
        head = stack.s3.head_object(Bucket="take-out", Key=key)
        assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", KEY)
    assert [each["BucketKeyEnabled"] for each in asked if "SSEKMSKeyId" in each] == [False, False]


def test_a_bucket_that_is_public_refuses_until_it_is_private_again(uploads: ExportUploads) -> None:
    uploads.require_private(HERE)
    opened = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::take-out/*"}
    set_policy(uploads, json.dumps({"Version": "2012-10-17", "Statement": [opened]}))
    with pytest.raises(ExportRefusedError, match="bucket take-out is public: its policy is public"):
        uploads.require_private(HERE)
    set_policy(uploads, None)
    uploads.require_private(HERE)


def test_a_bucket_that_another_account_owns_by_now_refuses(stack: Stack) -> None:
    stack.s3.create_bucket(Bucket="take-out")
    theirs = HERE.model_copy(update={"role_arn": "arn:aws:iam::111122223333:role/export"})
    with pytest.raises(ExportRefusedError, match="role/export could not see whether the policy is public at take-out"):
        in_s3(stack).require_private(theirs)


def test_every_call_names_the_account_that_owns_the_bucket(stack: Stack) -> None:
    """S3 refuses it where the bucket was deleted, and another account has its name by now."""
    stack.s3.create_bucket(Bucket="take-out")
    uploads = in_s3(stack)
    asked: list[tuple[str, Any]] = []
    stack.s3.meta.events.register(
        "provide-client-params.s3", lambda params, model, **_: asked.append((model.name, params))
    )
    upload = uploads.start(HERE)
    uploads.complete(upload, [uploads.put_part(upload, 1, b"1")])
    uploads.put_log(HERE, "mail/job-1.json", b"{}")
    uploads.is_there(HERE)
    uploads.start(HERE)
    uploads.abort_others(HERE)
    uploads.require_private(HERE)
    assert len({name for name, _ in asked}) == 8
    assert {params.get("ExpectedBucketOwner") for _, params in asked} == {"123456789012"}


@pytest.mark.parametrize("what", ["start", "part", "log"])
def test_a_bucket_that_is_gone_refuses(stack: Stack, what: str) -> None:
    uploads = in_s3(stack)
    calls: dict[str, Any] = {
        "start": lambda: uploads.start(HERE),
        "part": lambda: uploads.put_part(Upload(destination=HERE, id="u"), 1, b"1"),
        "log": lambda: uploads.put_log(HERE, "l", b""),
    }
    with pytest.raises(ExportRefusedError, match="take-out: NoSuchBucket"):
        calls[what]()


def test_in_a_bucket_that_is_gone_nothing_is_left_to_abort(stack: Stack) -> None:
    in_s3(stack).abort(Upload(destination=HERE, id="u"))
    in_s3(stack).abort_others(HERE)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("AccessDenied", ExportRefusedError),
        ("KMS.DisabledException", ExportRefusedError),
        ("KMS.NotFoundException", ExportRefusedError),
        ("NoSuchUpload", UploadGoneError),
        ("InvalidPart", PartsDifferError),
        ("SlowDown", StoreUnavailableError),
        ("ExpiredToken", StoreUnavailableError),
        ("InternalError", StoreUnavailableError),
    ],
)
def test_refusals_of_s3_are_errors_of_ours(stack: Stack, code: str, error: type[Exception]) -> None:
    stack.s3.meta.events.register("before-call.s3.UploadPart", raising(code))
    uploads = in_s3(stack)
    uploads.roles.client(HERE.role_arn, HERE.external_id)
    with pytest.raises(error):
        uploads.put_part(Upload(destination=HERE, id="u"), 1, b"1")


def test_the_role_is_assumed_for_the_organization(stack: Stack) -> None:
    stack.s3.create_bucket(Bucket="take-out")
    sts, asked = boto3.client("sts"), []
    sts.meta.events.register("provide-client-params.sts.AssumeRole", lambda params, **_: asked.append(params))
    in_s3(stack, sts).start(HERE)
    ((named,),) = (asked,)
    assert (named["RoleArn"], named["ExternalId"]) == (HERE.role_arn, HERE.external_id)


def test_a_role_that_cannot_be_assumed_refuses(stack: Stack) -> None:
    sts = boto3.client("sts")
    sts.meta.events.register("before-call.sts.AssumeRole", raising("AccessDenied"))
    uploads = in_s3(stack, sts)
    with pytest.raises(ExportRefusedError, match=r"role/export cannot be assumed: AccessDenied"):
        uploads.start(HERE)


def test_a_service_that_does_not_answer_may_answer_later(stack: Stack) -> None:
    def away(**_: Any) -> None:
        raise EndpointConnectionError(endpoint_url="x")

    stack.s3.meta.events.register("before-call.s3", away)
    uploads = in_s3(stack)
    for call in (
        lambda: uploads.start(HERE),
        lambda: uploads.abort_others(HERE),
        lambda: uploads.is_there(HERE),
        lambda: uploads.abort(Upload(destination=HERE, id="u")),
    ):
        with pytest.raises(StoreUnavailableError):
            call()


def test_where_the_stack_may_not_list_nothing_is_known(stack: Stack) -> None:
    stack.s3.meta.events.register("before-call.s3.ListObjectsV2", raising("AccessDenied"))
    stack.s3.meta.events.register("before-call.s3.ListMultipartUploads", raising("AccessDenied"))
    uploads = in_s3(stack)
    assert uploads.is_there(HERE) is None
    uploads.abort_others(HERE)


def set_policy(uploads: ExportUploads, policy: str | None) -> None:
    if isinstance(uploads, MemoryExportUploads):
        uploads.public = {HERE.bucket} if policy else set()
        return
    assert isinstance(uploads, S3ExportUploads)
    if policy:
        uploads.own.put_bucket_policy(Bucket=HERE.bucket, Policy=policy)
    else:
        uploads.own.delete_bucket_policy(Bucket=HERE.bucket)


def content(uploads: ExportUploads, where: Destination) -> bytes:
    if isinstance(uploads, MemoryExportUploads):
        return uploads.objects[where.bucket, where.path]
    assert isinstance(uploads, S3ExportUploads)
    return uploads.own.get_object(Bucket=where.bucket, Key=where.path)["Body"].read()


def raising(code: str) -> Any:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": code}}, "Operation")

    return refuse
