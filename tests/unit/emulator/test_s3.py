"""Conditional requests of S3, through a stock boto3 client."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.s3.models import S3Backend

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@pytest.fixture
def s3(aws: None) -> S3Client:
    client = boto3.client("s3")
    client.create_bucket(Bucket="mail")
    client.put_object(Bucket="mail", Key="old", Body=b"0123456789")
    return client


def status(call: Any) -> int:
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_object_is_written_once(s3: S3Client) -> None:
    s3.put_object(Bucket="mail", Key="new", Body=b"first", IfNoneMatch="*")
    assert status(lambda: s3.put_object(Bucket="mail", Key="new", Body=b"second", IfNoneMatch="*")) == 412
    assert s3.get_object(Bucket="mail", Key="new")["Body"].read() == b"first"


def test_of_concurrent_writers_one_wins(s3: S3Client, monkeypatch: pytest.MonkeyPatch) -> None:
    original = S3Backend.put_object
    entered: list[int] = []

    def slow_put(self: S3Backend, *args: Any, **kwargs: Any) -> Any:
        entered.append(1)
        pool.submit(s3.get_object, Bucket="mail", Key="old").result()  # readers do not wait, and others get their turn
        return original(self, *args, **kwargs)

    monkeypatch.setattr(S3Backend, "put_object", slow_put)

    def write(number: int) -> bool:
        try:
            s3.put_object(Bucket="mail", Key="new", Body=str(number), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool, ThreadPoolExecutor(4) as writers:
        assert sum(writers.map(write, range(4))) == 1
    assert len(entered) == 1


def test_a_bucket_of_another_account_than_expected_denies_access_and_names_its_region(s3: S3Client) -> None:
    owners = {"expected": "123456789012", "other": "111122223333"}
    s3.put_bucket_policy(Bucket="mail", Policy='{"Version": "2012-10-17", "Statement": []}')
    for call in (s3.head_bucket, s3.get_bucket_policy_status, s3.get_bucket_acl, s3.list_objects_v2):
        asked: Any = call
        assert asked(Bucket="mail", ExpectedBucketOwner=owners["expected"])["ResponseMetadata"]["HTTPStatusCode"] == 200
        with pytest.raises(ClientError) as caught:
            asked(Bucket="mail", ExpectedBucketOwner=owners["other"])
        answer: Any = caught.value.response["ResponseMetadata"]
        assert (answer["HTTPStatusCode"], answer["HTTPHeaders"]["x-amz-bucket-region"]) == (403, "us-east-1")


def test_a_copy_respects_conditions_on_its_target(s3: S3Client) -> None:
    source = "mail/old"
    etag = s3.head_object(Bucket="mail", Key="old")["ETag"]
    s3.copy_object(Bucket="mail", Key="copy", CopySource=source, IfNoneMatch="*")
    assert status(lambda: s3.copy_object(Bucket="mail", Key="copy", CopySource=source, IfNoneMatch="*")) == 412
    assert status(lambda: s3.copy_object(Bucket="mail", Key="copy", CopySource=source, IfMatch='"other"')) == 412
    assert status(lambda: s3.copy_object(Bucket="mail", Key="none", CopySource=source, IfMatch=etag)) == 404
    s3.copy_object(Bucket="mail", Key="copy", CopySource=source, IfMatch=etag)


def test_a_copy_respects_conditions_on_its_source(s3: S3Client) -> None:
    etag = s3.head_object(Bucket="mail", Key="old")["ETag"]
    copy: Any = {"Bucket": "mail", "Key": "copy", "CopySource": "mail/old"}
    assert status(lambda: s3.copy_object(**copy, CopySourceIfMatch='"other"')) == 412
    s3.copy_object(**copy, CopySourceIfMatch=etag)
    assert status(lambda: s3.copy_object(**copy, CopySourceIfNoneMatch=etag)) == 412


def test_a_range_is_cut_out(s3: S3Client) -> None:
    part = s3.get_object(Bucket="mail", Key="old", Range="bytes=2-4")
    assert (part["Body"].read(), part["ContentRange"]) == (b"234", "bytes 2-4/10")
    assert status(lambda: s3.get_object(Bucket="mail", Key="old", Range="bytes=10-")) == 416


def test_the_owner_that_a_request_expects_is_checked(s3: S3Client) -> None:
    s3.put_object(Bucket="mail", Key="new", Body=b"x", ExpectedBucketOwner="123456789012")
    stranger = "111122223333"
    assert status(lambda: s3.get_object(Bucket="mail", Key="new", ExpectedBucketOwner=stranger)) == 403
    assert status(lambda: s3.put_object(Bucket="mail", Key="new", Body=b"y", ExpectedBucketOwner=stranger)) == 403
    assert status(lambda: s3.head_bucket(Bucket="mail", ExpectedBucketOwner=stranger)) == 403
    assert s3.get_object(Bucket="mail", Key="new")["Body"].read() == b"x"


def test_an_upload_that_does_not_exist_takes_no_part_and_is_not_completed(s3: S3Client) -> None:
    upload = s3.create_multipart_upload(Bucket="mail", Key="k")["UploadId"]
    tag = s3.upload_part(Bucket="mail", Key="k", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    s3.abort_multipart_upload(Bucket="mail", Key="k", UploadId=upload)
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.upload_part(Bucket="mail", Key="k", UploadId=upload, PartNumber=1, Body=b"1")
    parts: Any = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    with pytest.raises(ClientError, match="NoSuchUpload"):
        s3.complete_multipart_upload(Bucket="mail", Key="k", UploadId=upload, MultipartUpload=parts)
