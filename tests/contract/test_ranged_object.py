"""An object of S3 as a file, which is the same object from the first byte to the last."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws import ranged_object
from postroom.adapters.aws.ranged_object import open_object
from postroom.errors import InvalidArchiveError

if TYPE_CHECKING:
    from tests.support.stack import Stack

CONTENT = bytes(number * number % 251 for number in range(10_000))


@pytest.fixture
def bucket(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(ranged_object, "READ_BYTES", 1_000)
    name = stack.environment["MAIL_BUCKET"]
    stack.s3.put_object(Bucket=name, Key="a.zip", Body=CONTENT)
    return name


def test_it_reads_and_seeks_as_a_file(stack: Stack, bucket: str) -> None:
    file, expected = open_object(stack.s3, bucket, "a.zip"), io.BytesIO(CONTENT)
    for offset, whence, length in [(0, 0, 10), (-22, 2, 22), (5, 1, 5), (990, 0, 3_000), (9_990, 0, 100), (0, 0, -1)]:
        assert file.seek(offset, whence) == expected.seek(offset, whence)
        assert file.read(length) == expected.read(length)
        assert file.tell() == expected.tell()


def test_an_object_that_changes_is_not_read_on(stack: Stack, bucket: str) -> None:
    file = open_object(stack.s3, bucket, "a.zip")
    assert file.read(10) == CONTENT[:10]
    stack.s3.put_object(Bucket=bucket, Key="a.zip", Body=CONTENT[::-1])
    file.seek(5_000)
    with pytest.raises(InvalidArchiveError, match="was changed while it was read"):
        file.read(10)


def test_an_object_that_is_not_there_is_named(stack: Stack, bucket: str) -> None:
    with pytest.raises(InvalidArchiveError, match="no such object"):
        open_object(stack.s3, bucket, "b.zip")
    with pytest.raises(InvalidArchiveError, match="no such object"):
        open_object(stack.s3, "no-such-bucket-anywhere", "b.zip")
