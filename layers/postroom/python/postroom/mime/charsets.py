"""Decodes bytes as the WHATWG Encoding Standard does, because senders use charset labels as web browsers do.

Labels come from the ``webencodings`` package, characters from Python's codecs. The differences between those codecs and
the standard are here: how many bytes an undecodable sequence has, and characters that the codecs lack or place
elsewhere. tests/unit/text/test_charsets.py compares every sequence of one and two bytes, and longer ones if an encoding
has them, with an independent implementation of the standard.
"""

from __future__ import annotations

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

REPLACEMENT: Final = "\ufffd"
"""Replaces bytes that are not a character. Source: the standard, 4.1, error mode "replacement"."""

_USUAL: Final = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "windows-1252",
    "ascii": "windows-1252",
    "iso-8859-1": "windows-1252",
    "windows-1252": "windows-1252",
}
"""Labels of nearly all mail; they need no import."""

_WITHOUT_ASCII: Final = frozenset({"utf-16le", "utf-16be", "replacement"})
"""Encodings that do not contain ASCII, so that a header cannot be written in them."""

_ASCII: Final = re.compile(rb"[\x00-\x7f]+")

_SINGLE_BYTES: Final = {
    ("koi8-u", 0xAE): "\u045e",
    ("koi8-u", 0xBE): "\u040e",
    ("windows-1255", 0xCA): "\u05ba",
}
"""Single bytes that Python's codecs decode differently. Source: the standard's indexes."""

_GB18030: Final = {
    b"\xa3\xa0": "\u3000",
    **{bytes([0xA6, 0xD9 + at]): mark for at, mark in enumerate("\ufe10\ufe12\ufe11\ufe13\ufe14\ufe15\ufe16")},
    b"\xa6\xec": "\ufe17",
    b"\xa6\xed": "\ufe18",
    b"\xa6\xf3": "\ufe19",
    b"\xa8\xbc": "\u1e3f",
    b"\x81\x35\xf4\x37": "\ue7c7",
    **{bytes([0xFE, 0x59 + at]): chr(0x9FB4 + n) for n, at in enumerate((0, 8, 13, 14, 20, 37, 55, 71))},
}
"""Characters of GB 18030-2022 that Python's codec has in the private use area, and one for which it is the opposite.
Source: the standard's index and ranges."""

_BIG5_RUNS: Final = (
    "877a㡵𡵓𣚞𦀡㻬𥣞㫵竼龗𤅡𨤍𣇪𠪊𣉞䌊蒄龖鐯䤰蘓墖靊鈘秐稲晠権袝瑌篅枂稬剏遆 "
    "87be㓦珄𥶹瓆鿇垳䤯呌䄱𣚎堘穲𧭥讏䚮𦺈䆁𥶙箮𢒼鿈𢓁𢓉𢓌鿉蔄𣖻䂴鿊䓡𪷿拁灮鿋 8e69箸 8e6f簆 8e7e糎 "
    "8eab緒 8eb4縝 8ecd者 8ed0耨 8f57菁 8f69蒨 8f6e萏 8fcb覦覩 8ffe起 906d都 907a銹 90dc靜 90f1響 "
    "91bf鼖 9244蔃 92af兙兛兝兞 92c8鍮 92d1瑹 9447浧 94ca禛 95d9邗 9644靝 96ed瀞 96fc嬨 9b76爁 9b78矗 "
    "9b7b纇 9bc6駖 9bde釔 9bec惞 9bf6澶 9c42輶 9c53侻 9c62營 9c68鄄 9c6b鷰 9c77菏 9cbc尐秣 9cd0婧 "
    "9d57輋 9d5a筑 9dc4拐 9ea9恢 9eef痹 9efd汊 9f60鬮 9f66鼗 9fcb僭 9fd8弌 a063蠏 a077拎 a0d5瑨 a0df煢 "
    "a0e4牐 a145‧ a14e﹑ a1c2¯ a1e3～ a1f2⊕⊙ a241∕﹨ a244￥ a246￠￡ "  # noqa: RUF001
    "a3c0␀␁␂␃␄␅␆␇␈␉␊␋␌␍␎␏␐␑␒␓␔␕␖␗␘␙␚␛␜␝␞␟␡€ c6cf廴 c6d3无 c6d5癶 c6d7隶 c6de〃仝 fa5f倩 fa66偽 fabd包 "
    "fac5卄 fad5卿 fb48嘅 fbb8婷 fbf3幵 fbf9廐 fc4f彘 fc6c悤 fcb9撐 fce2晴 fcf1杞 fdb7沜渝 fdbb港 "
    "fdf1煮 fe52猪 fe6f瑜 feaa瓩 fedd砉"
)
"""Characters of Big5 with extensions that Python's ``big5hkscs`` lacks or places elsewhere: the first code of a run,
then the run. Source: the standard's index; HKSCS-2008 added the first."""


def encoding_of(label: str) -> str | None:
    """Return the standard's name of a label's encoding, lower-case; ``None`` if the standard lacks the label."""
    usual = _USUAL.get(label.lower())
    if usual:
        return usual
    from webencodings import lookup  # imported here, because hardly any message needs it

    found = lookup(label)
    return found.name if found else None


def holds_ascii(encoding: str) -> bool:
    """Say whether the encoding contains ASCII, so that a raw header may be written in it."""
    return encoding not in _WITHOUT_ASCII


def join(pieces: list[bytes], encoding: str) -> bytes:
    """Join pieces of one text, so that a character that was divided is whole.

    A piece in ISO-2022-JP may end with an escape sequence back to ASCII, and the next may begin with one to another
    set. The standard treats two escape sequences in a row as an error, so the first is dropped.
    """
    if encoding == "iso-2022-jp":
        follow = [*(piece.startswith(b"\x1b") for piece in pieces[1:]), False]
        pieces = [_TRAILING_ESCAPES.sub(b"", each) if cut else each for each, cut in zip(pieces, follow, strict=True)]
    return b"".join(pieces)


def decode(raw: bytes, encoding: str) -> str:
    """Return bytes as text; each byte or sequence that is not a character becomes one U+FFFD, as in the standard.

    Args:
        encoding: a name that ``encoding_of`` returns. A byte order mark of UTF-8 or UTF-16 is removed.
    """
    if encoding == "utf-8":
        return raw.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "replace")
    if encoding in ("utf-16le", "utf-16be"):
        return raw.decode(encoding, "replace").removeprefix("\ufeff")
    if encoding == "replacement":  # labels that the standard has but never decodes: iso-2022-kr, hz-gb-2312 ...
        return REPLACEMENT if raw else ""
    if encoding == "iso-2022-jp":
        return _iso_2022_jp(raw)
    if raw.isascii():
        return raw.decode("ascii")
    step = _STEPS.get(encoding)
    return _by_steps(raw, step) if step else raw.decode("latin-1").translate(_single_bytes(encoding))


@cache
def _single_bytes(encoding: str) -> dict[int, str]:
    """Return the character of each byte from 0x80; Python's codecs lack C1 controls that the standard has."""
    from webencodings import lookup

    found = lookup(encoding)
    if found is None:
        raise LookupError(encoding)
    table: dict[int, str] = {}
    for byte in range(0x80, 0x100):
        text = found.codec_info.decode(bytes([byte]), "replace")[0]
        text = chr(byte) if text == REPLACEMENT and byte < 0xA0 else text
        table[byte] = _SINGLE_BYTES.get((encoding, byte), text)
    return table


_Step = tuple[str, int]
"""A character, or U+FFFD, and its length in bytes."""


def _by_steps(raw: bytes, step: Callable[[bytes, int], _Step]) -> str:
    """Decode an encoding in which some characters have two bytes or more."""
    parts: list[str] = []
    at, end = 0, len(raw)
    while at < end:
        if plain := _ASCII.match(raw, at):
            parts.append(plain[0].decode("ascii"))
            at = plain.end()
        else:
            text, size = step(raw, at)
            parts.append(text)
            at += size
    return "".join(parts)


def _or_none(text: str | None, raw: bytes, at: int, size: int) -> _Step:
    """Return a character of ``size`` bytes. For None it is U+FFFD, and an ASCII byte at the end is decoded on its own.

    Source: the standard, 10 to 13: "If byte is an ASCII byte, restore byte".
    """
    if text is not None:
        return text, size
    last = raw[at + size - 1 : at + size]
    return REPLACEMENT, size - 1 if last and last[0] < 0x80 else size


@lru_cache(maxsize=4096)
def _codec(codec: str, raw: bytes) -> str | None:
    try:
        return raw.decode(codec)
    except UnicodeDecodeError:
        return None


@cache
def _big5_extensions() -> dict[bytes, str]:
    found: dict[bytes, str] = {}
    for run in _BIG5_RUNS.split(" "):
        at = int(run[:4], 16)
        for mark in run[4:]:
            found[at.to_bytes(2, "big")] = mark
            at += 0x23 if at & 0xFF == 0x7E else 1
    return found


def _big5(raw: bytes, at: int) -> _Step:
    if raw[at] in (0x80, 0xFF):
        return REPLACEMENT, 1
    pair = raw[at : at + 2]
    return _or_none(_big5_extensions().get(pair) or _codec("big5hkscs", pair), raw, at, 2)


def _euc_kr(raw: bytes, at: int) -> _Step:
    if raw[at] in (0x80, 0xFF):
        return REPLACEMENT, 1
    return _or_none(_codec("cp949", raw[at : at + 2]), raw, at, 2)


def _shift_jis(raw: bytes, at: int) -> _Step:
    byte = raw[at]
    if byte == 0x80:
        return "\x80", 1
    if byte == 0xA0 or byte > 0xFC:  # Windows has private characters there, the standard has none
        return REPLACEMENT, 1
    if 0xA1 <= byte <= 0xDF:
        return chr(0xFF61 - 0xA1 + byte), 1
    return _or_none(_codec("cp932", raw[at : at + 2]), raw, at, 2)


def _euc_jp(raw: bytes, at: int) -> _Step:
    lead, trail = raw[at], raw[at + 1] if at + 1 < len(raw) else 0
    if lead == 0x8E and 0xA1 <= trail <= 0xDF:
        return chr(0xFF61 - 0xA1 + trail), 2
    if lead == 0x8F and 0xA1 <= trail <= 0xFE:
        three = raw[at : at + 3]
        return _or_none("\uff5e" if three == b"\x8f\xa2\xb7" else _codec("euc_jp", three), raw, at, 3)
    if lead not in (0x8E, 0x8F) and not 0xA1 <= lead <= 0xFE:
        return REPLACEMENT, 1
    is_pair = lead > 0x8F and 0xA1 <= trail <= 0xFE
    return _or_none(_jis(lead - 0x80, trail - 0x80) if is_pair else None, raw, at, 2)


_REST_OF_FOUR: Final = re.compile(rb"(?:[\x81-\xfe][0-9]?)?")
"""The last two bytes of four; the text may end before them."""


def _gb18030(raw: bytes, at: int) -> _Step:
    if raw[at] == 0x80:
        return "\u20ac", 1
    if raw[at] == 0xFF:
        return REPLACEMENT, 1
    four = raw[at : at + 4]
    if not b"0" <= four[1:2] <= b"9":
        pair = four[:2]
        return _or_none(_GB18030.get(pair) or _codec("gb18030", pair), raw, at, 2)
    if not _REST_OF_FOUR.fullmatch(four, 2):
        return REPLACEMENT, 1
    return _GB18030.get(four) or _codec("gb18030", four) or REPLACEMENT, 4


_STEPS: Final[dict[str, Callable[[bytes, int], _Step]]] = {
    "big5": _big5,
    "euc-jp": _euc_jp,
    "euc-kr": _euc_kr,
    "gb18030": _gb18030,
    "gbk": _gb18030,
    "shift_jis": _shift_jis,
}


def _jis(row: int, cell: int) -> str | None:
    """Return a character of JIS X 0208 with the extensions of NEC and IBM, as Windows has them; both 0x21 to 0x7E."""
    lead = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    trail = cell + 0x7E if row % 2 == 0 else cell + (0x1F if cell < 0x60 else 0x20)
    return _codec("cp932", bytes([lead, trail]))


_ESCAPES: Final = {b"(B": "ascii", b"(J": "roman", b"(I": "katakana", b"$@": "pairs", b"$B": "pairs"}
"""The character set that each escape sequence of ISO-2022-JP selects. Source: the standard, 12.2.1."""

_TRAILING_ESCAPES: Final = re.compile(rb"(?:\x1b(?:\([BIJ]|\$[@B]))+\Z")


def _iso_2022_jp(raw: bytes) -> str:
    """Decode ISO-2022-JP, in which escape sequences select the character set. Source: the standard, 12.2.1."""
    parts: list[str] = []
    charset, is_empty, at = "ascii", False, 0
    while at < len(raw):
        if raw[at] == 0x1B:
            known = _ESCAPES.get(raw[at + 1 : at + 3])
            if known is None or is_empty:  # a selected set without characters could hide the text around it
                parts.append(REPLACEMENT)
            charset, is_empty, at = (charset, False, at + 1) if known is None else (known, True, at + 3)
        else:
            text, size = _jis_pair(raw, at) if charset == "pairs" else (_jis_single(raw[at], charset), 1)
            parts.append(text)
            is_empty, at = False, at + size
    return "".join(parts)


def _jis_single(byte: int, charset: str) -> str:
    if charset == "katakana":
        return chr(0xFF61 - 0x21 + byte) if 0x21 <= byte <= 0x5F else REPLACEMENT
    if byte > 0x7F or byte in (0x0E, 0x0F):
        return REPLACEMENT
    return {0x5C: "\u00a5", 0x7E: "\u203e"}.get(byte, chr(byte)) if charset == "roman" else chr(byte)


def _jis_pair(raw: bytes, at: int) -> _Step:
    if not 0x21 <= raw[at] <= 0x7E:
        return REPLACEMENT, 1
    trail = raw[at + 1 : at + 2]
    if trail in (b"", b"\x1b"):
        return REPLACEMENT, 1
    return (0x21 <= trail[0] <= 0x7E and _jis(raw[at], trail[0])) or REPLACEMENT, 2
