"""Promises of ``ImportObjects`` and ``ImportSources``, held in memory and over moto alike."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postroom.adapters.aws import clients
from postroom.adapters.aws.assumed_roles import IMPORT_SESSION, AssumedRoles
from postroom.adapters.aws.import_sources import S3ImportObjects, S3ImportSources
from postroom.adapters.memory.import_sources import MemoryImportSources
from postroom.errors import InvalidArchiveError
from postroom.model.imports import MailboxImportJob
from tests.support.builders import NOON, ORG, arn

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.import_sources import ImportObjects, ImportSources

CONTENT = b"an archive"


@pytest.fixture(params=["memory", "aws"])
def store(request: pytest.FixtureRequest) -> tuple[ImportObjects, ImportSources, Callable[[str, bytes], Any], str]:
    """The two ports, what puts an object, and the bucket."""
    if request.param == "memory":
        made = MemoryImportSources()
        return made, made, lambda path, content: made.objects.update({("b", path): content}), "b"
    stack = request.getfixturevalue("stack")
    bucket = stack.environment["MAIL_BUCKET"]
    roles = AssumedRoles(clients.sts(), clients.s3_as, lambda: NOON, IMPORT_SESSION)
    put = lambda path, content: stack.s3.put_object(Bucket=bucket, Key=path, Body=content)  # noqa: E731 - as above
    return S3ImportObjects(stack.s3, "123456789012"), S3ImportSources(roles), put, bucket


def job(bucket: str, etag: str, path: str = "a.zip") -> MailboxImportJob:
    return MailboxImportJob(
        organization_id=ORG,
        id="j",
        entity_id="ann",
        role_arn="arn:aws:iam::123456789012:role/import",
        external_id=arn(),
        bucket=bucket,
        path=path,
        etag=etag,
        started=NOON,
    )


def test_an_object_is_found_and_read(store: Any) -> None:
    objects, sources, put, bucket = store
    put("a.zip", CONTENT)
    put("a.zip.old", b"another")
    found = objects.find(bucket, "a.zip")
    assert found.size == len(CONTENT)
    file, size = sources.open(job(bucket, found.etag))
    assert (size, file.read()) == (len(CONTENT), CONTENT)
    assert file.seek(3) == 3
    assert file.read(4) == CONTENT[3:7]


def test_what_is_not_there_is_not_found(store: Any) -> None:
    objects, sources, put, bucket = store
    put("a.zip.old", b"another")
    assert objects.find(bucket, "a.zip") is None
    assert objects.find("no-such-bucket-anywhere", "a.zip") is None
    with pytest.raises(InvalidArchiveError, match="no such object"):
        sources.open(job(bucket, "e"))


def test_another_object_than_at_the_start_is_refused(store: Any) -> None:
    objects, sources, put, bucket = store
    put("a.zip", CONTENT)
    etag = objects.find(bucket, "a.zip").etag
    put("a.zip", CONTENT[::-1])
    with pytest.raises(InvalidArchiveError, match="was changed"):
        sources.open(job(bucket, etag))
