"""Encrypts content at rest: messages, and entries of the index.

    KMS key of the organization  (symmetric; encryption context aws:workmail:arn = organization ARN)
      └─ mailbox key             (AES-256, one per mailbox; wrapped by KMS; plain in memory for at most a minute)
           ├─ message key        (AES-256, one per message; wrapped in the object's own header)
           │    └─ the message   (AES-256-GCM in frames of 1 MiB)
           └─ index entries      (AES-256-GCM)

A sealed message is::

    "PRM1" | length of the wrapped key (1 byte) | wrapped key | frame | frame | …

Each frame is the ciphertext and tag of up to 1 MiB of the message. Its nonce has its number and whether it is the last
frame (the STREAM construction), so that frames cannot be dropped, reordered or cut off. A message key is used for one
message only. The wrapped key is bound to mailbox and object: an object that was moved cannot be opened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from postroom.errors import UnreadableMailError
from postroom.model.limits import MB

KEY_BYTES: Final = 32
"""Length of every key, in bytes: AES-256."""

FRAME_BYTES: Final = MB
"""Bytes of a message in one frame. Ours."""

_MAGIC: Final = b"PRM1"
_NONCE_BYTES: Final = 12
_TAG_BYTES: Final = 16

Random = Callable[[int], bytes]


def seal_message(content: bytes, *, mailbox_key: bytes, place: str, random: Random = os.urandom) -> bytes:
    """Seal one message for one place.

    Args:
        content: the message, any bytes.
        mailbox_key: 32 bytes.
        place: text that the object is bound to, with mailbox and object: ``<organization>/<mailbox>/<blob>``.
        random: returns random bytes for key and nonce; tests give their own.
    """
    key = random(KEY_BYTES)
    wrapped = seal_entry(key, mailbox_key=mailbox_key, place=f"key\0{place}", random=random)
    cipher = AESGCM(key)
    sealed = [_MAGIC + bytes([len(wrapped)]) + wrapped]
    view = memoryview(content)
    frames = max(1, -(-len(content) // FRAME_BYTES))
    for number in range(frames):
        frame = view[number * FRAME_BYTES : (number + 1) * FRAME_BYTES]
        sealed.append(cipher.encrypt(_frame_nonce(number, last=number == frames - 1), frame, None))
    return b"".join(sealed)


def open_message(sealed: bytes, *, mailbox_key: bytes, place: str) -> Iterator[bytes]:
    """Yield the frames of a sealed message.

    Raises:
        UnreadableMailError: another mailbox, another place, or a changed byte. Frames that were yielded are authentic.
    """
    if sealed[:4] != _MAGIC or len(sealed) < len(_MAGIC) + 1:
        raise UnreadableMailError("not a sealed message")
    start = len(_MAGIC) + 1 + sealed[4]
    key = open_entry(sealed[len(_MAGIC) + 1 : start], mailbox_key=mailbox_key, place=f"key\0{place}")
    cipher, view = AESGCM(key), memoryview(sealed)[start:]
    step = FRAME_BYTES + _TAG_BYTES
    frames = max(1, -(-len(view) // step))
    for number in range(frames):
        frame = view[number * step : (number + 1) * step]
        yield _opened(cipher, _frame_nonce(number, last=number == frames - 1), frame, None)


def seal_entry(plain: bytes, *, mailbox_key: bytes, place: str, random: Random = os.urandom) -> bytes:
    """Seal a small value under the mailbox key, bound to its place: nonce (12 bytes), ciphertext, tag (16 bytes)."""
    nonce = random(_NONCE_BYTES)
    return nonce + AESGCM(mailbox_key).encrypt(nonce, plain, place.encode())


def open_entry(sealed: bytes, *, mailbox_key: bytes, place: str) -> bytes:
    """Open a value of ``seal_entry``.

    Raises:
        UnreadableMailError: another mailbox, another place, or a changed byte.
    """
    if len(sealed) < _NONCE_BYTES + _TAG_BYTES:
        raise UnreadableMailError("not a sealed entry")
    return _opened(AESGCM(mailbox_key), sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], place.encode())


def _frame_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([last])


def _opened(cipher: AESGCM, nonce: bytes, sealed: bytes | memoryview, bound_to: bytes | None) -> bytes:
    try:
        return cipher.decrypt(nonce, sealed, bound_to)
    except InvalidTag as error:
        raise UnreadableMailError("this key does not open it") from error
