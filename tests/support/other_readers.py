"""The sender of a message as other readers read it: Python's email, and npm's mailparser and postal-mime."""

from __future__ import annotations

import base64
import email
import email.policy
import fcntl
import json
import shutil
import subprocess
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from email.utils import getaddresses
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from local.errors import TemplateError
from local.functions.installs import Installs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SCRIPTS: Final = Path(__file__).parent / "mail_readers"
HEADERS: Final = ("from", "sender")
READ_SECONDS: Final = 120


@dataclass(frozen=True, slots=True)
class Seen:
    """The addresses of From and Sender as one reader reads them."""

    reader: str
    froms: tuple[str, ...]
    senders: tuple[str, ...]


def by_python(message: bytes) -> Iterator[Seen]:
    """Yield the readings of the standard library, by both of its policies; none if it raises."""
    yield Seen("compat32", *(tuple(_compat32(message, name)) for name in HEADERS))
    yield Seen("policy.default", *(tuple(_default(message, name)) for name in HEADERS))


def _compat32(message: bytes, name: str) -> Iterator[str]:
    values = [str(value) for value in email.message_from_bytes(message).get_all(name, ())]
    found = [spec for _, spec in getaddresses(values)]
    yield from found
    if any("@" in spec for spec in found):  # an encoded word is a display name then, whatever its text
        return
    for value in values:
        try:
            decoded = str(make_header(decode_header(value)))
        except (MessageError, LookupError, ValueError):
            continue
        yield from (spec for _, spec in getaddresses([decoded]))


def _default(message: bytes, name: str) -> Iterator[str]:
    parsed = email.message_from_bytes(message, policy=email.policy.default)
    try:
        for value in parsed.get_all(name, ()):
            yield from (address.addr_spec for address in value.addresses)
    except (
        AttributeError,
        IndexError,
        LookupError,
        MessageError,
        TypeError,
        ValueError,
    ):  # some odd values make it raise
        return


class NodeReaders:
    """mailparser and postal-mime, of the versions in ``mail_readers/package-lock.json``, in one process for many."""

    def __init__(self, cache: Path) -> None:
        """Install them, once.

        Raises:
            pytest.skip.Exception: there is no node, no npm, or no network to install from.
        """
        if not (shutil.which("node") and shutil.which("npm")):
            pytest.skip("there is no node or no npm on PATH")
        cache.mkdir(parents=True, exist_ok=True)
        with (cache / "lock").open("w") as lock:  # one of the suite's workers installs
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                self._folder = Installs(cache).node("mail readers", SCRIPTS, "mail-readers")
            except TemplateError as error:
                pytest.skip(f"mailparser and postal-mime cannot be installed: {error}")

    def read(self, messages: Sequence[bytes]) -> list[list[Seen]]:
        """Return the reading of each of them, message by message."""
        asked = json.dumps([base64.b64encode(message).decode() for message in messages])
        command = ["node", "read.js"]
        done = subprocess.run(
            command, cwd=self._folder, input=asked, capture_output=True, text=True, timeout=READ_SECONDS, check=False
        )
        assert done.returncode == 0, done.stderr
        answers: list[dict[str, dict[str, Any]]] = json.loads(done.stdout)
        return [
            [Seen(reader, tuple(found["from"]), tuple(found["sender"])) for reader, found in answer.items()]
            for answer in answers
        ]
