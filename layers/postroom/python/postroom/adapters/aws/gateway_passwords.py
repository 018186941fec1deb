"""Passwords of SMTP gateways, encrypted by KMS under the stack's key (docs/decisions/0015)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.mailbox_keys import key_error
from postroom.adapters.aws.transactions import code_of
from postroom.errors import UnreadableMailError

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ORGANIZATION: Final = "postroom:organization"
GATEWAY: Final = "postroom:smtp-gateway"
"""Names of the encryption context. They differ from that of mailbox keys, whose users cannot decrypt a password."""

_NOT_ITS_OWN: Final = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})
"""Another context, a changed byte or another key. Source: KMS's API reference, Decrypt."""


@dataclass(frozen=True, slots=True)
class KmsGatewayPasswords:
    """Implements ``GatewayPasswords`` and ``GatewayPasswordReads``."""

    client: KMSClient
    key_arn: str

    def seal(self, password: str, organization_id: str, gateway_id: str) -> bytes:
        """KMS encrypts up to 4,096 bytes; a password has at most 256 characters."""
        context = _context(organization_id, gateway_id)
        try:
            answer = self.client.encrypt(KeyId=self.key_arn, Plaintext=password.encode(), EncryptionContext=context)
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the stack's") from error
        return answer["CiphertextBlob"]

    def open(self, sealed: bytes, organization_id: str, gateway_id: str) -> str:
        """The key is named, so that KMS decrypts nothing that another key of the account encrypted."""
        context = _context(organization_id, gateway_id)
        try:
            answer = self.client.decrypt(KeyId=self.key_arn, CiphertextBlob=sealed, EncryptionContext=context)
        except (BotoCoreError, ClientError) as error:
            if code_of(error) in _NOT_ITS_OWN:
                raise UnreadableMailError("the password is encrypted for another gateway, or damaged") from error
            raise key_error(error, "the stack's") from error
        return answer["Plaintext"].decode()


def _context(organization_id: str, gateway_id: str) -> dict[str, str]:
    return {ORGANIZATION: organization_id, GATEWAY: gateway_id}
