"""Every label and encoding of the Encoding Standard, compared with an independent implementation.

whatwg/generate.mjs writes what is expected and says how; nothing here computes it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from postroom.mime import charsets

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPECTED: dict[str, Any] = json.loads((Path(__file__).parent / "whatwg" / "expected.json").read_text("utf-8"))


def _singles() -> Iterator[bytes]:
    return (bytes([byte]) for byte in range(256))


def _pairs(prefix: bytes = b"") -> Iterator[bytes]:
    return (prefix + bytes([a, b]) for a in range(256) for b in range(256))


def _sequences(encoding: str) -> Iterator[bytes]:
    """Yield what generate.mjs decodes: single bytes, pairs where two bytes may be a character, and longer ones."""
    yield from _singles()
    if encoding in ("big5", "euc-jp", "euc-kr", "gb18030", "shift_jis", "utf-16be", "utf-16le"):
        yield from _pairs()
    if encoding == "euc-jp":
        for a in range(0xA1, 0xFF):
            yield b"".join(bytes([0x8F, a, b]) for b in range(0xA1, 0xFF))
    if encoding == "gb18030":
        for a in (0x81, 0x82, 0x83, 0x84, 0x85, 0x8F, 0x90, 0xE2, 0xE3, 0xE4, 0xFE):
            for b in range(0x30, 0x3A):
                yield b"".join(bytes([a, b, c, d]) for c in range(0x81, 0xFF) for d in range(0x30, 0x3A))
    if encoding == "iso-2022-jp":
        for begun in (b"(B", b"(J", b"(I", b"$@", b"(("):
            yield from (b"\x1b" + begun + each for each in _singles())
        yield from _pairs(b"\x1b$B")


@pytest.mark.parametrize("encoding", EXPECTED["digests"])
def test_every_sequence_of_bytes_is_what_the_standard_says(encoding: str) -> None:
    digest = hashlib.sha256()
    for raw in _sequences(encoding):
        digest.update(f"{charsets.decode(raw, encoding)}\n".encode())
    assert digest.hexdigest() == EXPECTED["digests"][encoding]


@pytest.mark.parametrize(
    ("label", "encoding"),
    [
        ("GB2312", "gbk"),
        ("x-gbk", "gbk"),
        ("ks_c_5601-1987", "euc-kr"),
        ("windows-949", "euc-kr"),
        ("windows-31j", "shift_jis"),
        ("x-sjis", "shift_jis"),
        ("ISO-8859-1", "windows-1252"),
        ("tis-620", "windows-874"),
        ("iso-8859-9", "windows-1254"),
        ("iso-8859-8-i", "iso-8859-8-i"),
        ("x-mac-roman", "macintosh"),
        ("iso-2022-kr", "replacement"),
        ("utf-16", "utf-16le"),
        (" utf-8\n", "utf-8"),
    ],
)
def test_a_label_means_what_the_standard_says(label: str, encoding: str) -> None:
    assert charsets.encoding_of(label) == encoding


@pytest.mark.parametrize(
    "label", ["utf-7", "unicode-1-1-utf-7", "idna", "punycode", "rot13", "unicode_escape", "cp437", "", "\u212aoi8-r"]
)
def test_a_codec_of_pythons_that_the_standard_has_not_is_no_charset(label: str) -> None:
    assert charsets.encoding_of(label) is None


@pytest.mark.parametrize("encoding", ["big5", "euc-jp", "euc-kr", "gb18030", "iso-2022-jp", "shift_jis", "utf-8"])
@pytest.mark.timeout(10)
def test_junk_of_a_fields_greatest_size_is_read_in_linear_time(encoding: str) -> None:
    text = charsets.decode(b"\x81\x30\xff\x1b" * 40_000, encoding)
    assert 40_000 <= len(text) <= 160_000


def test_what_is_labelled_with_an_encoding_that_the_standard_never_decodes_is_one_mark() -> None:
    assert charsets.decode(b"~{VPND~}", "replacement") == "\ufffd"


NODE = """
const messages = JSON.parse(require('fs').readFileSync(0, 'utf8'))
const read = ({ label, bytes }) => {
  try { return new TextDecoder(label).decode(Buffer.from(bytes, 'hex')) } catch { return null }
}
console.log(JSON.stringify(messages.map(read)))
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")
def test_node_reads_the_messages_in_the_same_way_where_it_keeps_to_the_standard() -> None:
    """Where 20.20.2 does not, a message says so; later ones may have learned it."""
    messages = EXPECTED["messages"]
    asked = json.dumps(messages)
    done = subprocess.run(["node", "-e", NODE], input=asked, capture_output=True, text=True, check=True, timeout=60)
    answers = json.loads(done.stdout)
    assert [answer for answer in answers if answer] != []
    for answer, each in zip(answers, messages, strict=True):
        assert answer == each["text"] or "node" in each, each
