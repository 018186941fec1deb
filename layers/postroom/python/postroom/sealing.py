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

HEADER_BYTES: Final = len(_MAGIC) + 1 + 255
"""Most bytes before the first frame."""

Random = Callable[[int], bytes]


def seal_message(
    content: bytes, *, mailbox_key: bytes, place: str, random: Random = os.urandom, message_key: bytes | None = None
) -> bytes:
    """Seal one message for one place.

    Args:
        content: the message, any bytes.
        mailbox_key: 32 bytes.
        place: text that the object is bound to, with mailbox and object: ``<organization>/<mailbox>/<blob>``.
        random: returns random bytes for key and nonce; tests give their own.
        message_key: 32 random bytes that seal nothing else; None: made here.
    """
    key = message_key or random(KEY_BYTES)
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
    yield from open_with_key(sealed, message_key=message_key_of(sealed, mailbox_key=mailbox_key, place=place))


def message_key_of(sealed: bytes, *, mailbox_key: bytes, place: str) -> bytes:
    """Return the message key of a sealed message, or of its first ``HEADER_BYTES``.

    Raises:
        UnreadableMailError: another mailbox, another place, or a changed byte.
    """
    wrapped = sealed[len(_MAGIC) + 1 : _start(sealed)]
    return open_entry(wrapped, mailbox_key=mailbox_key, place=f"key\0{place}")


def open_with_key(sealed: bytes, *, message_key: bytes, size: int | None = None) -> Iterator[bytes]:
    """Yield the frames of a sealed message, with its message key.

    Args:
        sealed: the object, or its beginning; a frame that is cut off is left out.
        size: of the whole object, in bytes; None: ``sealed`` is the whole.

    Raises:
        UnreadableMailError: another key, or a changed byte. Frames that were yielded are authentic.
    """
    cipher, start, step = AESGCM(message_key), _start(sealed), FRAME_BYTES + _TAG_BYTES
    view, left = memoryview(sealed)[start:], (len(sealed) if size is None else size) - start
    frames = max(1, -(-left // step))
    for number in range(frames):
        frame = view[number * step : (number + 1) * step]
        if len(frame) < min(step, left - number * step):
            return
        yield _opened(cipher, _frame_nonce(number, last=number == frames - 1), frame, None)


def content_bytes(sealed: bytes, size: int) -> int:
    """Return how many bytes a sealed message has when it is open.

    Args:
        sealed: the beginning of the object, at least ``HEADER_BYTES`` or all of it.
        size: of the whole object, in bytes.

    Raises:
        UnreadableMailError: it is no sealed message.
    """
    left = size - _start(sealed)
    return left - max(1, -(-left // (FRAME_BYTES + _TAG_BYTES))) * _TAG_BYTES


def prefix_bytes(length_bytes: int) -> int:
    """Return how many bytes of a sealed object hold the first ``length_bytes`` of its message."""
    return HEADER_BYTES + max(1, -(-length_bytes // FRAME_BYTES)) * (FRAME_BYTES + _TAG_BYTES)


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


def _start(sealed: bytes) -> int:
    """Return where the first frame begins."""
    if sealed[:4] != _MAGIC or len(sealed) < len(_MAGIC) + 1:
        raise UnreadableMailError("not a sealed message")
    return len(_MAGIC) + 1 + sealed[4]


def _frame_nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(_NONCE_BYTES - 1, "big") + bytes([last])


def _opened(cipher: AESGCM, nonce: bytes, sealed: bytes | memoryview, bound_to: bytes | None) -> bytes:
    try:
        return cipher.decrypt(nonce, sealed, bound_to)
    except InvalidTag as error:
        raise UnreadableMailError("this key does not open it") from error
