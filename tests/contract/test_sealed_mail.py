"""Sealed mail: each key is written once, in memory and in S3 alike."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.errors import MessageNotFoundError

if TYPE_CHECKING:
    from postroom.ports.sealed_mail import SealedMail
    from tests.support.stack import Stack


@pytest.fixture(params=["memory", "s3"])
def sealed(request: pytest.FixtureRequest) -> SealedMail:
    if request.param == "memory":
        return MemorySealedMail()
    stack: Stack = request.getfixturevalue("stack")
    return S3SealedMail(stack.s3, stack.environment["MAIL_BUCKET"])


def test_the_first_writer_stays(sealed: SealedMail) -> None:
    assert sealed.put_once("mail/o/m/1", b"first")
    assert not sealed.put_once("mail/o/m/1", b"second")
    assert sealed.get("mail/o/m/1") == b"first"


def test_of_many_at_once_one_writes(sealed: SealedMail) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda n: sealed.put_once("mail/k", bytes([n])), range(8))).count(True) == 1


def test_nothing_is_found_where_nothing_lies(sealed: SealedMail) -> None:
    with pytest.raises(MessageNotFoundError):
        sealed.get("mail/o/m/1")


def test_what_is_deleted_is_gone_and_its_key_is_free(sealed: SealedMail) -> None:
    sealed.put_once("k", b"1")
    sealed.delete("k")
    sealed.delete("k")
    with pytest.raises(MessageNotFoundError):
        sealed.get("k")
    assert sealed.put_once("k", b"2")
