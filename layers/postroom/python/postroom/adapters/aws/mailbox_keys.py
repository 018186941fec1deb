"""Mailbox keys from KMS. Plain keys are kept for at most a minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.transactions import code_of
from postroom.errors import KeyUnavailableError, PostroomError, StoreUnavailableError
from postroom.model.limits import PLAIN_KEY_SECONDS
from postroom.sealing import KEY_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_kms import KMSClient

CONTEXT: Final = "aws:workmail:arn"
"""Name of the encryption context, as WorkMail's own. Source: guide, "Encryption at rest"."""

_NOT_OURS: Final = {
    "AccessDeniedException",
    "DisabledException",
    "IncorrectKeyException",
    "InvalidCiphertextException",
    "InvalidKeyUsageException",
    "KMSInvalidStateException",
    "NotFoundException",
}


@dataclass(slots=True)
class KmsMailboxKeys:
    """Implements ``MailboxKeys``. ``clock`` returns monotonic seconds."""

    client: KMSClient
    clock: Callable[[], float]
    _plain: dict[tuple[bytes, str, str], tuple[float, bytes]] = field(default_factory=dict)

    def new(self, kms_key_arn: str, organization_arn: str) -> bytes:
        try:
            answer = self.client.generate_data_key_without_plaintext(
                KeyId=kms_key_arn, NumberOfBytes=KEY_BYTES, EncryptionContext={CONTEXT: organization_arn}
            )
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the organization's") from error
        return answer["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, kms_key_arn: str, organization_arn: str) -> bytes:
        """Every call drops plain keys that are older than a minute. Any thread may call."""
        now, asked = self.clock(), (wrapped, kms_key_arn, organization_arn)
        for old in [known for known, (since, _) in list(self._plain.items()) if now - since >= PLAIN_KEY_SECONDS]:
            self._plain.pop(old, None)  # another thread may have dropped it
        known = self._plain.get(asked)
        if known is None:
            try:
                answer = self.client.decrypt(
                    CiphertextBlob=wrapped, KeyId=kms_key_arn, EncryptionContext={CONTEXT: organization_arn}
                )
            except (BotoCoreError, ClientError) as error:
                raise key_error(error, "the organization's") from error
            known = self._plain[asked] = (now, answer["Plaintext"])
        return known[1]


def key_error(error: BotoCoreError | ClientError, whose: str) -> PostroomError:
    """Return our error for one of KMS. ``whose`` names the owner of the key in the text."""
    code = code_of(error)
    if code in _NOT_OURS:
        return KeyUnavailableError(f"{whose} KMS key cannot be used: {code}")
    return StoreUnavailableError(f"KMS could not be asked: {code}")
