"""Passwords of SMTP gateways, encrypted by KMS under the stack's key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.mailbox_keys import key_error

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

ORGANIZATION: Final = "postroom:organization"
GATEWAY: Final = "postroom:smtp-gateway"
"""Names of the encryption context. They differ from that of mailbox keys, whose users cannot decrypt a password."""


@dataclass(frozen=True, slots=True)
class KmsGatewayPasswords:
    """Implements ``GatewayPasswords``."""

    client: KMSClient
    key_arn: str

    def seal(self, password: str, organization_id: str, gateway_id: str) -> bytes:
        """KMS encrypts up to 4,096 bytes; a password has at most 256 characters."""
        context = {ORGANIZATION: organization_id, GATEWAY: gateway_id}
        try:
            answer = self.client.encrypt(KeyId=self.key_arn, Plaintext=password.encode(), EncryptionContext=context)
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the stack's") from error
        return answer["CiphertextBlob"]
