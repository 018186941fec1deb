"""Signatures of digests by an asymmetric KMS key.

The whole text goes to KMS: with ``MessageType`` DIGEST, moto 5.2.5 signs the hash of the hash (docs/parity.md).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import KeyUnavailableError, StoreUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_kms import KMSClient

UNUSABLE: Final = frozenset(
    {"AccessDeniedException", "DisabledException", "KMSInvalidStateException", "NotFoundException"}
)
"""Errors after which a retry cannot help until the key is mended. Source: KMS's API reference, Sign."""


@dataclass(slots=True)
class KmsDigestSigner:
    """Implements ``DigestSigner``. The public key of a KMS key never changes, so that it is read once."""

    client: KMSClient
    key_arn: str
    _public_key: bytes = b""

    def sign(self, text: bytes) -> bytes:
        with _errors():
            answer = self.client.sign(
                KeyId=self.key_arn, Message=text, MessageType="RAW", SigningAlgorithm="RSASSA_PKCS1_V1_5_SHA_256"
            )
        return answer["Signature"]

    def public_key(self) -> bytes:
        if not self._public_key:
            with _errors():
                self._public_key = self.client.get_public_key(KeyId=self.key_arn)["PublicKey"]
        return self._public_key


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        if code_of(error) in UNUSABLE:
            raise KeyUnavailableError(f"the key that signs digests cannot be used: {code_of(error)}") from error
        raise StoreUnavailableError(f"could not use the key that signs digests: {code_of(error)}") from error
