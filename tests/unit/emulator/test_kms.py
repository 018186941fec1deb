"""KMS keys in every state, through a stock boto3 client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_kms import KMSClient

CONTEXT = {"aws:workmail:arn": "arn:aws:workmail:us-east-1:123456789012:organization/m-1"}


@pytest.fixture
def kms(aws: None) -> KMSClient:
    return boto3.client("kms")


@pytest.fixture
def key(kms: KMSClient) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def wrapped(kms: KMSClient, key: str) -> bytes:
    return kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)["CiphertextBlob"]


def calls(kms: KMSClient, key: str, wrapped: bytes) -> list[Callable[[], Any]]:
    return [
        lambda: kms.encrypt(KeyId=key, Plaintext=b"x"),
        lambda: kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT),
        lambda: kms.generate_data_key(KeyId=key, KeySpec="AES_256"),
        lambda: kms.generate_data_key_without_plaintext(KeyId=key, KeySpec="AES_256"),
    ]


def test_a_data_key_comes_back_under_its_context(kms: KMSClient, key: str) -> None:
    made = kms.generate_data_key(KeyId=key, KeySpec="AES_256", EncryptionContext=CONTEXT)
    answer = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert (answer["Plaintext"], answer["KeyId"]) == (made["Plaintext"], key)


def test_another_context_is_an_invalid_ciphertext(kms: KMSClient, wrapped: bytes) -> None:
    for context in ({}, {"aws:workmail:arn": "another"}):
        with pytest.raises(kms.exceptions.InvalidCiphertextException):
            kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)


def test_a_disabled_key_refuses_until_it_is_enabled(kms: KMSClient, key: str, wrapped: bytes) -> None:
    kms.disable_key(KeyId=key)
    for call in calls(kms, key, wrapped):
        with pytest.raises(kms.exceptions.DisabledException, match="is disabled"):
            call()
    kms.enable_key(KeyId=key)
    for call in calls(kms, key, wrapped):
        call()


def test_a_key_pending_deletion_is_in_an_invalid_state(kms: KMSClient, key: str, wrapped: bytes) -> None:
    kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
    for call in calls(kms, key, wrapped):
        with pytest.raises(kms.exceptions.KMSInvalidStateException):
            call()
    kms.cancel_key_deletion(KeyId=key)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.encrypt(KeyId=key, Plaintext=b"x")


def test_an_unknown_key_is_not_found(kms: KMSClient) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    for name in (unknown, f"arn:aws:kms:us-east-1:123456789012:key/{unknown}", "alias/unknown"):
        with pytest.raises(kms.exceptions.NotFoundException):
            kms.generate_data_key(KeyId=name, KeySpec="AES_256")


def test_a_ciphertext_of_another_key_is_an_incorrect_key(kms: KMSClient, wrapped: bytes) -> None:
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT, KeyId=other)


def test_an_alias_names_its_key(kms: KMSClient, key: str, wrapped: bytes) -> None:
    kms.create_alias(AliasName="alias/postroom", TargetKeyId=key)
    kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=CONTEXT, KeyId="alias/postroom")
    assert kms.generate_data_key(KeyId="alias/postroom", KeySpec="AES_256")["KeyId"] == key


def test_an_asymmetric_key_makes_no_data_keys(kms: KMSClient) -> None:
    key = kms.create_key(KeySpec="RSA_2048", KeyUsage="ENCRYPT_DECRYPT")["KeyMetadata"]["KeyId"]
    with pytest.raises(kms.exceptions.InvalidKeyUsageException):
        kms.generate_data_key(KeyId=key, KeySpec="AES_256")


def test_a_key_is_described_with_its_usage(kms: KMSClient, key: str) -> None:
    described = kms.describe_key(KeyId=key)["KeyMetadata"]
    assert (described["KeyUsage"], described["KeySpec"]) == ("ENCRYPT_DECRYPT", "SYMMETRIC_DEFAULT")
