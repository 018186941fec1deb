"""Message keys in transit, wrapped under data keys of the stack's KMS key: one a day, a row of the transit table.

    transit-key:<day>  key   the day's data key, wrapped by KMS; kept as long as a parked order may need it

A wrapped message key names its day. Plain data keys are kept for at most a minute.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from postroom.adapters.aws.mailbox_keys import PlainKeys, key_error
from postroom.adapters.aws.rows import key, number
from postroom.adapters.aws.tables import get
from postroom.adapters.aws.transactions import NOT_THERE, Transaction
from postroom.errors import UnreadableMailError
from postroom.model.limits import DAY_S, LEDGER_DAYS, PLAIN_KEY_SECONDS
from postroom.sealing import KEY_BYTES, open_entry, seal_entry

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_kms import KMSClient

USE: Final = "postroom:use"
"""Name of the encryption context; it differs from those of mailbox keys and of passwords."""

CONTEXT: Final = {USE: "transit"}

_DAY_CHARACTERS: Final = len("2026-11-30")


@dataclass(slots=True)
class KmsTransitKeys:
    """Implements ``TransitKeys``. ``now`` returns milliseconds since the epoch."""

    kms: KMSClient
    dynamodb: DynamoDBClient
    table: str
    kms_key_arn: str
    now: Callable[[], int]
    _plain: PlainKeys = field(default_factory=lambda: PlainKeys(PLAIN_KEY_SECONDS * 1000), repr=False)

    def wrap(self, message_key: bytes, place: str) -> str:
        day = datetime.fromtimestamp(self.now() / 1000, UTC).strftime("%Y-%m-%d")
        sealed = seal_entry(message_key, mailbox_key=self._data_key(day, make=True), place=f"transit\0{place}")
        return f"{day}.{base64.b64encode(sealed).decode()}"

    def unwrap(self, wrapped: str, place: str) -> bytes:
        day, text = wrapped[:_DAY_CHARACTERS], wrapped[_DAY_CHARACTERS + 1 :]
        try:
            sealed = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise UnreadableMailError("not a wrapped key") from error
        return open_entry(sealed, mailbox_key=self._data_key(day, make=False), place=f"transit\0{place}")

    def _data_key(self, day: str, *, make: bool) -> bytes:
        """Return the data key of a day."""
        return self._plain.get(day, self.now(), lambda: self._read(day, make=make))

    def _read(self, day: str, *, make: bool) -> bytes:
        wrapped = self._stored(day) or (self._made(day) if make else None)
        if wrapped is None:
            raise UnreadableMailError("the key of its day is gone")
        return self._opened(wrapped)

    def _stored(self, day: str) -> bytes | None:
        row = get(self.dynamodb, self.table, f"transit-key:{day}", "key")
        return bytes(row["wrapped"]["B"]) if row is not None else None

    def _made(self, day: str) -> bytes | None:
        """Make a day's key, unless another caller is faster; return the one that counts."""
        try:
            answer = self.kms.generate_data_key_without_plaintext(
                KeyId=self.kms_key_arn, NumberOfBytes=KEY_BYTES, EncryptionContext=CONTEXT
            )
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the stack's") from error
        expires = self.now() // 1000 + LEDGER_DAYS * DAY_S
        row = {
            **key(f"transit-key:{day}", "key"),
            "wrapped": {"B": answer["CiphertextBlob"]},
            "expires": number(expires),
        }
        Transaction(self.dynamodb).put("key", self.table, row, condition=NOT_THERE).put_alone()
        return self._stored(day)

    def _opened(self, wrapped: bytes) -> bytes:
        try:
            return self.kms.decrypt(CiphertextBlob=wrapped, KeyId=self.kms_key_arn, EncryptionContext=CONTEXT)[
                "Plaintext"
            ]
        except (BotoCoreError, ClientError) as error:
            raise key_error(error, "the stack's") from error
