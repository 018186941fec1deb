"""Mailbox keys: wrapped for one organization under one KMS key, in memory and in KMS alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.adapters.aws.mailbox_keys import KmsMailboxKeys
from postroom.adapters.memory.mailbox_keys import MemoryMailboxKeys
from postroom.errors import KeyUnavailableError
from tests.support.builders import OTHER, arn

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.mailbox_keys import MailboxKeys
    from tests.support.stack import Stack


@dataclass
class Keys:
    port: MailboxKeys
    kms_key: str
    other_kms_key: str
    disable: Callable[[], object]
    enable: Callable[[], object]


@pytest.fixture(params=["memory", "kms"])
def keys(request: pytest.FixtureRequest) -> Keys:
    if request.param == "memory":
        memory = MemoryMailboxKeys()
        memory.add("one")
        memory.add("two")
        return Keys(memory, "one", "two", lambda: memory.disabled.add("one"), memory.disabled.clear)
    request.getfixturevalue("stack")
    kms = boto3.client("kms")
    one, two = (kms.create_key()["KeyMetadata"]["Arn"] for _ in range(2))
    ticks = iter(range(0, 100_000, 61))  # no key is kept from one call to the next
    port = KmsMailboxKeys(kms, lambda: float(next(ticks)))
    return Keys(port, one, two, lambda: kms.disable_key(KeyId=one), lambda: kms.enable_key(KeyId=one))


def test_a_key_has_32_bytes_and_is_always_the_same(keys: Keys) -> None:
    wrapped = keys.port.new(keys.kms_key, arn())
    plain = keys.port.unwrap(wrapped, keys.kms_key, arn())
    assert len(plain) == 32
    assert plain not in wrapped
    assert keys.port.unwrap(wrapped, keys.kms_key, arn()) == plain


def test_no_two_mailboxes_have_one_key(keys: Keys) -> None:
    plain = {keys.port.unwrap(keys.port.new(keys.kms_key, arn()), keys.kms_key, arn()) for _ in range(3)}
    assert len(plain) == 3


def test_another_organizations_key_does_not_unwrap(keys: Keys) -> None:
    wrapped = keys.port.new(keys.kms_key, arn())
    with pytest.raises(KeyUnavailableError):
        keys.port.unwrap(wrapped, keys.kms_key, arn(OTHER))
    with pytest.raises(KeyUnavailableError):
        keys.port.unwrap(wrapped, keys.other_kms_key, arn())


def test_a_disabled_key_is_unavailable_until_it_is_enabled(keys: Keys) -> None:
    wrapped = keys.port.new(keys.kms_key, arn())
    keys.disable()
    with pytest.raises(KeyUnavailableError):
        keys.port.unwrap(wrapped, keys.kms_key, arn())
    with pytest.raises(KeyUnavailableError):
        keys.port.new(keys.kms_key, arn())
    keys.enable()
    assert len(keys.port.unwrap(wrapped, keys.kms_key, arn())) == 32


def test_a_missing_key_is_unavailable(keys: Keys) -> None:
    with pytest.raises(KeyUnavailableError):
        keys.port.new("arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555", arn())


def test_kms_is_asked_once_a_minute_for_a_mailbox(stack: Stack) -> None:
    kms, now, asked = boto3.client("kms"), [0.0], []
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.meta.events.register("before-call.kms.Decrypt", lambda **_: asked.append(now[0]))
    port = KmsMailboxKeys(kms, lambda: now[0])
    first, second = port.new(key, arn()), port.new(key, arn())
    for moment in (0.0, 30.0, 59.9, 60.0, 119.0):
        now[0] = moment
        port.unwrap(first, key, arn())
    port.unwrap(second, key, arn())
    assert asked == [0.0, 60.0, 119.0]
