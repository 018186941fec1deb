"""Signatures of digests, by a key in memory and by KMS: what one signs, another verifies with the public key alone."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from postroom.adapters.aws.digest_signatures import KmsDigestSigner
from postroom.errors import KeyUnavailableError, StoreUnavailableError
from tests.support.audit_digests import signer as signer_in_memory

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

    from postroom.ports.digest_signatures import DigestSigner
    from tests.support.stack import Stack


@pytest.fixture
def kms(stack: Stack) -> KMSClient:
    return boto3.client("kms")


def kms_key(kms: KMSClient) -> str:
    return kms.create_key(KeySpec="RSA_2048", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]


@pytest.fixture(params=["memory", "kms"])
def signer(request: pytest.FixtureRequest) -> DigestSigner:
    if request.param == "memory":
        return signer_in_memory()
    kms: KMSClient = request.getfixturevalue("kms")
    return KmsDigestSigner(kms, kms_key(kms))


def verify(signer: DigestSigner, signature: bytes, text: bytes) -> None:
    key = load_der_public_key(signer.public_key())
    assert isinstance(key, RSAPublicKey)
    key.verify(signature, text, PKCS1v15(), SHA256())


def test_a_signature_is_verified_with_the_public_key(signer: DigestSigner) -> None:
    verify(signer, signer.sign(b"text"), b"text")
    with pytest.raises(InvalidSignature):
        verify(signer, signer.sign(b"text"), b"texts")


def test_the_same_text_has_the_same_signature(signer: DigestSigner) -> None:
    """A digest that is written again after a stop is the same object, signature included."""
    assert signer.sign(b"text") == signer.sign(b"text")


def test_moto_signs_the_hash_of_a_hash_that_it_gets(kms: KMSClient) -> None:
    """KMS signs the hash itself. Where this fails, moto does, too, and the hash may be sent instead of the text."""
    signer = KmsDigestSigner(kms, kms_key(kms))
    of_hash = kms.sign(
        KeyId=signer.key_arn,
        Message=hashlib.sha256(b"text").digest(),
        MessageType="DIGEST",
        SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256",
    )["Signature"]
    with pytest.raises(InvalidSignature):
        verify(signer, of_hash, b"text")


def test_a_key_that_is_missing_cannot_be_used(kms: KMSClient) -> None:
    absent = KmsDigestSigner(kms, "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000")
    with pytest.raises(KeyUnavailableError, match="NotFoundException"):
        absent.sign(b"text")
    with pytest.raises(KeyUnavailableError):
        absent.public_key()


def test_kms_that_does_not_answer_is_unavailable(stack: Stack) -> None:
    once = Config(retries={"total_max_attempts": 1})
    elsewhere = boto3.client("kms", endpoint_url="http://127.0.0.1:1", config=once)
    with pytest.raises(StoreUnavailableError):
        KmsDigestSigner(elsewhere, "key").public_key()
