"""Passwords of SMTP gateways: sealed for one gateway of one organization, in memory and by KMS alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from postroom.adapters.aws.gateway_passwords import GATEWAY, ORGANIZATION, KmsGatewayPasswords
from postroom.adapters.memory.gateway_passwords import MemoryGatewayPasswords
from postroom.errors import KeyUnavailableError, UnreadableMailError
from tests.support.builders import ORG, OTHER

if TYPE_CHECKING:
    from collections.abc import Callable

GATE = "g-1"
SECRET = "pässwörd, with ÿ and spaces"


@dataclass
class Passwords:
    """A port's two sides, and an end of its key."""

    port: MemoryGatewayPasswords | KmsGatewayPasswords
    disable: Callable[[], object]


@pytest.fixture(params=["memory", "kms"])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    if request.param == "memory":
        memory = MemoryGatewayPasswords()
        return Passwords(memory, lambda: setattr(memory, "disabled", True))
    request.getfixturevalue("stack")
    kms = boto3.client("kms")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    return Passwords(KmsGatewayPasswords(kms, key), lambda: kms.disable_key(KeyId=key))


@pytest.mark.parametrize("password", [SECRET, " " * 9, "ÿ" * 256])
def test_it_opens_for_its_gateway(passwords: Passwords, password: str) -> None:
    sealed = passwords.port.seal(password, ORG, GATE)
    assert password.encode() not in sealed
    assert passwords.port.open(sealed, ORG, GATE) == password


@pytest.mark.parametrize("place", [(OTHER, GATE), (ORG, "g-2"), (GATE, ORG)])
def test_it_opens_for_no_other_gateway_and_no_other_organization(passwords: Passwords, place: tuple[str, str]) -> None:
    sealed = passwords.port.seal(SECRET, ORG, GATE)
    with pytest.raises(UnreadableMailError):
        passwords.port.open(sealed, *place)


@pytest.mark.parametrize("at", [0, -1])
def test_a_password_of_which_a_byte_has_changed_does_not_open(passwords: Passwords, at: int) -> None:
    sealed = bytearray(passwords.port.seal(SECRET, ORG, GATE))
    sealed[at] ^= 1
    with pytest.raises((UnreadableMailError, KeyUnavailableError)):
        passwords.port.open(bytes(sealed), ORG, GATE)


def test_one_password_never_looks_the_same_twice(passwords: Passwords) -> None:
    assert len({passwords.port.seal(SECRET, ORG, GATE) for _ in range(3)}) == 3


def test_under_a_disabled_key_nothing_is_sealed_or_opened(passwords: Passwords) -> None:
    sealed = passwords.port.seal(SECRET, ORG, GATE)
    passwords.disable()
    with pytest.raises(KeyUnavailableError, match="the stack's KMS key"):
        passwords.port.seal(SECRET, ORG, GATE)
    with pytest.raises(KeyUnavailableError, match="the stack's KMS key"):
        passwords.port.open(sealed, ORG, GATE)


def test_the_context_of_mailbox_keys_does_not_open_a_password(stack: Any) -> None:
    """Roles that unwrap mailbox keys may decrypt whatever has ``aws:workmail:arn`` in its context."""
    seen: list[dict[str, Any]] = []
    kms = boto3.client("kms")
    kms.meta.events.register("provide-client-params.kms.Encrypt", lambda params, **_: seen.append(params))
    KmsGatewayPasswords(kms, kms.create_key()["KeyMetadata"]["Arn"]).seal(SECRET, ORG, GATE)
    assert [each["EncryptionContext"] for each in seen] == [{ORGANIZATION: ORG, GATEWAY: GATE}]
    assert "aws:workmail:arn" not in (ORGANIZATION, GATEWAY)
