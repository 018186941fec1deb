"""Message keys in transit, and the sealed messages that they open, in memory and in KMS and S3 alike."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import boto3
import pytest

from postroom.adapters.aws.raw_mail import S3RawMail
from postroom.adapters.aws.sealed_mail import S3SealedMail
from postroom.adapters.aws.transit_keys import KmsTransitKeys
from postroom.adapters.memory.raw_mail import MemoryRawMail
from postroom.adapters.memory.sealed_mail import MemorySealedMail
from postroom.adapters.memory.transit_keys import MemoryTransitKeys
from postroom.contracts.orders import RawLocation
from postroom.contracts.outbound_orders import SealedLocation
from postroom.errors import UnreadableMailError
from postroom.model.limits import DAY_MS
from postroom.sealing import FRAME_BYTES, KEY_BYTES, message_key_of, seal_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from postroom.ports.raw_mail import RawMail
    from postroom.ports.sealed_mail import SealedMail
    from postroom.ports.transit_keys import TransitKeys
    from tests.support.stack import Stack

PLACE = "m-1/mailbox/blob"
BUCKET = "mail-bucket"
START_MS = 1_800_000_000_000


@dataclass
class Keys:
    port: TransitKeys
    other: Callable[[], TransitKeys]
    """Those of another function of the same stack."""
    raw: RawMail
    plain: RawMail
    """Reads plain objects alone."""
    sealed: SealedMail
    pass_days: Callable[[int], None]


@pytest.fixture(params=["memory", "kms"])
def keys(request: pytest.FixtureRequest) -> Keys:
    clock = [START_MS]

    def pass_days(days: int) -> None:
        clock[0] += days * DAY_MS

    if request.param == "memory":
        memory, sealed = MemoryTransitKeys(), MemorySealedMail()
        raw = MemoryRawMail(BUCKET, lambda: clock[0], memory, sealed)
        return Keys(memory, lambda: memory, raw, MemoryRawMail(BUCKET, lambda: clock[0]), sealed, pass_days)
    stack: Stack = request.getfixturevalue("stack")
    kms = boto3.client("kms")
    arn = kms.create_key()["KeyMetadata"]["Arn"]
    stack.s3.create_bucket(Bucket=BUCKET)

    def made() -> KmsTransitKeys:
        return KmsTransitKeys(kms, boto3.client("dynamodb"), stack.environment["TRANSIT_TABLE"], arn, lambda: clock[0])

    port = made()
    raw_mail = S3RawMail(stack.s3, BUCKET, port)
    return Keys(port, made, raw_mail, S3RawMail(stack.s3, BUCKET), S3SealedMail(stack.s3, BUCKET), pass_days)


def test_a_key_opens_in_another_function_and_on_another_day(keys: Keys) -> None:
    message_key = os.urandom(KEY_BYTES)
    wrapped = keys.port.wrap(message_key, PLACE)
    assert len(wrapped) <= 120
    keys.pass_days(3)
    assert keys.other().unwrap(wrapped, PLACE) == message_key
    assert keys.other().unwrap(keys.other().wrap(message_key, PLACE), PLACE) == message_key


@pytest.mark.parametrize(
    "change", [lambda text: text[:-6] + "AAAAA=", lambda text: text[:-4], lambda _: "", lambda _: "é"]
)
def test_changed_text_does_not_open(keys: Keys, change: Callable[[str], str]) -> None:
    wrapped = keys.port.wrap(os.urandom(KEY_BYTES), PLACE)
    with pytest.raises(UnreadableMailError):
        keys.port.unwrap(change(wrapped), PLACE)


def test_another_place_does_not_open(keys: Keys) -> None:
    wrapped = keys.port.wrap(os.urandom(KEY_BYTES), PLACE)
    with pytest.raises(UnreadableMailError):
        keys.port.unwrap(wrapped, f"{PLACE}2")


@pytest.mark.parametrize("size", [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES + 5])
def test_a_sealed_message_is_read_byte_for_byte(keys: Keys, size: int) -> None:
    content, message_key = os.urandom(size), os.urandom(KEY_BYTES)
    mailbox_key = os.urandom(KEY_BYTES)
    sealed = seal_message(content, mailbox_key=mailbox_key, place=PLACE, message_key=message_key)
    assert message_key_of(sealed, mailbox_key=mailbox_key, place=PLACE) == message_key
    keys.sealed.put_once(PLACE, sealed)
    location = SealedLocation(bucket=BUCKET, key=PLACE, message_key=keys.port.wrap(message_key, PLACE))
    assert keys.raw.read(location) == content
    for length in (1, 100, FRAME_BYTES, FRAME_BYTES + 1, 3 * FRAME_BYTES):
        assert keys.raw.head(location, length) == (content[:length], size)
    assert "message_key" not in repr(location)


def test_without_keys_only_plain_objects_are_read(keys: Keys) -> None:
    message_key = os.urandom(KEY_BYTES)
    keys.sealed.put_once(PLACE, seal_message(b"text", mailbox_key=os.urandom(KEY_BYTES), place=PLACE))
    location = SealedLocation(bucket=BUCKET, key=PLACE, message_key=keys.port.wrap(message_key, PLACE))
    with pytest.raises(UnreadableMailError):
        keys.plain.read(location)
    kept = keys.plain.keep("transit/t/submitted", b"plain")
    assert isinstance(kept, RawLocation)
    assert keys.plain.read(kept) == b"plain"
