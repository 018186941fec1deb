"""Mailbox keys from KMS. Plain keys are kept for at most a minute."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

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
class PlainKeys:
    """Plain keys by what they were asked by. Any thread may call.

    Attributes:
        kept: how long a key is kept: a minute, in the unit of the times that ``get`` gets.
    """

    kept: float = PLAIN_KEY_SECONDS
    _known: dict[Any, tuple[float, bytes]] = field(default_factory=dict, repr=False)

    def get(self, asked: Any, now: float, opened: Callable[[], bytes]) -> bytes:
        """Return a key, by ``opened`` unless it is kept. Every call drops the keys that are too old."""
        for old in [each for each, (since, _) in list(self._known.items()) if now - since >= self.kept]:
            self._known.pop(old, None)  # another thread may have dropped it
        known = self._known.get(asked)
        if known is None:
            known = self._known[asked] = (now, opened())
        return known[1]


@dataclass(slots=True)
class KmsMailboxKeys:
    """Implements ``MailboxKeys``. ``clock`` returns monotonic seconds."""

    client: KMSClient
    clock: Callable[[], float]
    _plain: PlainKeys = field(default_factory=PlainKeys, repr=False)

    def new(self, kms_key_arn: str, organization_arn: str) -> bytes:
        try:
            answer = self.client.generate_data_key_without_plaintext(
                KeyId=kms_key_arn, NumberOfBytes=KEY_BYTES, EncryptionContext={CONTEXT: organization_arn}
            )
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the organization's") from error
        return answer["CiphertextBlob"]

    def unwrap(self, wrapped: bytes, kms_key_arn: str, organization_arn: str) -> bytes:
        asked = (wrapped, kms_key_arn, organization_arn)
        return self._plain.get(asked, self.clock(), lambda: self._opened(*asked))

    def _opened(self, wrapped: bytes, kms_key_arn: str, organization_arn: str) -> bytes:
        try:
            answer = self.client.decrypt(
                CiphertextBlob=wrapped, KeyId=kms_key_arn, EncryptionContext={CONTEXT: organization_arn}
            )
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the organization's") from error
        return answer["Plaintext"]


def key_error(error: BotoCoreError | ClientError, whose: str) -> PostroomError:
    """Return our error for one of KMS. ``whose`` names the owner of the key in the text."""
    code = code_of(error)
    if code in _NOT_OURS:
        return KeyUnavailableError(f"{whose} KMS key cannot be used: {code}")
    return StoreUnavailableError(f"KMS could not be asked: {code}")
