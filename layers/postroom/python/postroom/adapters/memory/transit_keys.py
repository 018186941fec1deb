"""Message keys in transit, wrapped under a key of this process."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass, field

from postroom.errors import UnreadableMailError
from postroom.sealing import KEY_BYTES, open_entry, seal_entry


@dataclass(slots=True)
class MemoryTransitKeys:
    """Implements ``TransitKeys``."""

    _key: bytes = field(default_factory=lambda: os.urandom(KEY_BYTES), repr=False)

    def wrap(self, message_key: bytes, place: str) -> str:
        return base64.b64encode(seal_entry(message_key, mailbox_key=self._key, place=f"transit\0{place}")).decode()

    def unwrap(self, wrapped: str, place: str) -> bytes:
        try:
            sealed = base64.b64decode(wrapped, validate=True)
        except ValueError as error:
            raise UnreadableMailError("not a wrapped key") from error
        return open_entry(sealed, mailbox_key=self._key, place=f"transit\0{place}")
