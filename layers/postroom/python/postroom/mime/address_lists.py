"""Finds the addresses that any mail client may find in a field, with linear scans over text of bounded length.

RFC 5322 defines address lists. Mail clients differ on fields that do not follow it: an unclosed quote, a comment within
an address, an encoded word that decodes to an address, white space in a domain. A field that is unclear is therefore
scanned once for each way in which it may be read, and the addresses of all ways are kept. The ways were found with
Python's email (compat32 and default policy), npm's mailparser and postal-mime (tests/flow/test_header_tricks.py).
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from unicodedata import category

from postroom.mime.encoded_words import decode
from postroom.model.addresses import JOINERS, MAX_ADDRESS_CHARACTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_WORD: Final = r"[\w!#$%&'*+/=?^`{|}~.-]"
_SPEC: Final = rf"{_WORD}++@(?:[\w-]++\.)*+[\w-]++"
_PLAIN: Final = re.compile(
    rf"""\s*+(?:("[^"\\]*+"\s*+|[^"\\<>@(),;:\x00-\x08\x0b-\x1f\x7f]*+)<({_SPEC})>|({_SPEC}))\s*+""",
    re.ASCII,
)
"""A mailbox that all mail clients read alike, as nearly all are: with a name before angle brackets, or without one."""

MAX_SCANNED_CHARACTERS: Final = 8 * 1024
"""Longest text that is scanned in each way, in characters. In a longer one that is unclear, every host name after an @
counts. Ours: no From of real mail is that long, and each way costs time."""

_SYNTAX: Final = re.compile(r'[<>@"(),;:\\]')
_ENCODED_PART: Final = re.compile(r"\?=\s?[@.]|[@.]\s?=\?")
_MARK: Final = re.compile(r'["(\\)]')
_REST_OF_QUOTED: Final = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_IN_COMMENT: Final = re.compile(r'[()"]|\\.', re.DOTALL)
_TOKEN: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[<>,;:]|\(\)|[^\s<>,;:"()]++', re.DOTALL)
_COMMENT: Final = "()"
"""Replaces a comment."""

_LETTER: Final = re.compile(r"\w")
_ASCII_LETTER: Final = re.compile(r"\w", re.ASCII)
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_HOST: Final = re.compile(r"(\w[\w.-]*+)[^\x00-,/:-@\[-^`{-\x7f\s]*+")
"""A host name up to its last letter, and with the marks of other scripts that may follow."""

_NO_WORD: Final = re.compile(r"[^\w.+-]+")
_USUAL: Final = re.compile(rf'(?:{_WORD}++|"[\w.+-]*+")@(?:[\w-]++\.)*+[\w-]++')
_HEX: Final = re.compile(rb"=([0-9A-Fa-f]{2})")
_LENIENT_WORD: Final = re.compile(r"=\?[^?]*+\?([bBqQ])\?(.{0,998}?)\?=", re.DOTALL)
"""An encoded word as Python's own parser finds it; its length is limited, so that the search stays linear."""

_AROUND: Final = "!\"#$%&'()*+,./:;<=>?@[\\]^`{|}~"
"""Characters that may be around a domain but not in it."""


def plain(value: str) -> str | None:
    """Return the address of a field that all mail clients read alike; ``None`` if the field is not that simple."""
    found = _PLAIN.fullmatch(value)
    if found is None:
        return None
    name, in_brackets, alone = found.groups()
    if name and any(map(_SYNTAX.search, _decoded(name))):
        return None
    spec = in_brackets or alone
    return None if "=?" in spec else str(spec)


def likeliest(value: str) -> Iterator[str]:
    """Yield the addresses of a field by RFC 5322, in order; lazily, for long lists."""
    commented = _Commented.of(value)
    yield from _Scan(strict=True).over(" ".join(commented.without_comments().split()))


def every(value: str) -> Iterator[str]:
    """Yield every text that a mail client may read as an address, the most likely first; with repetitions."""
    yield from likeliest(value)
    yield from _ways(value, strict=False)
    # an encoded word next to brackets is a name, whatever its text; next to an @ it is part of an address
    strict = not _ENCODED_PART.search(value)
    for decoded in _decoded(value):
        yield from _ways(decoded, strict=strict)


def is_usual(value: str, most: int = MAX_SCANNED_CHARACTERS) -> bool:
    """Say whether a field has at most ``most`` characters and follows RFC 5322 wherever mail clients may differ."""
    if len(value) > most:
        return False
    commented, scan = _Commented.of(value), _Scan(strict=True)
    for _ in scan.over(_joined_at(commented.without_comments())):
        pass
    return value.replace("\n", "").isprintable() and not (commented.is_odd or scan.is_odd or scan.is_split)


def as_shown(spec: str) -> tuple[str, ...]:
    """Return an address without invisible characters; if its domain has joiners, first with them, then without them.

    There are registered domains with joiners, and without them the name is another domain. Python's email, mailparser
    and postal-mime keep them; a mail client that follows IDNA 2003 drops them.
    """
    if spec.isprintable():
        return (spec,)
    local, at, domain = spec.rpartition("@")
    kept, dropped = (_printable(domain, but=but) for but in (JOINERS, ""))
    return tuple(dict.fromkeys(f"{_printable(local)}{at}{each}" for each in (kept, dropped)))


def _printable(text: str, *, but: str = "") -> str:
    return "".join(mark for mark in text if mark.isprintable() or mark in but)


def without_comments(value: str) -> str:
    """Return a structured field without its comments, at any depth."""
    return _Commented.of(value).without_comments()


def _ways(value: str, *, strict: bool) -> Iterator[str]:
    """Yield the addresses of a text, for each way in which it may be read."""
    for text in dict.fromkeys((_visible(value, ""), _visible(value, " "), _CONTROLS.sub("", value))):
        commented = _Commented.of(text)
        scan = _Scan(strict=strict)
        if len(text) <= MAX_SCANNED_CHARACTERS:
            yield from _scanned(commented, scan)
        else:
            yield from scan.over(_joined_at(commented.without_comments()))
        if not (commented.is_odd or scan.is_odd or (scan.is_split and len(text) > MAX_SCANNED_CHARACTERS)):
            continue
        flat, apart = _flat(text, ""), _flat(text, " ")
        if len(text) <= MAX_SCANNED_CHARACTERS:
            for each in (flat, apart):
                yield from _Scan(strict=strict).over(_joined_at(each))
        bare = commented.without_comments()
        joined = ("".join(each.split()) for each in (text, flat, text.replace('"', "")))
        for each in dict.fromkeys((text, flat, apart, *joined, bare, _flat(bare, ""), _side_by_side(text))):
            yield from _after_at_signs(each)


def _scanned(commented: _Commented, scan: _Scan) -> Iterator[str]:
    """Yield the addresses of a text with and without its comments, and with and without white space in addresses."""
    for variant in map(_joined_at, commented.variants()):
        yield from scan.over(variant)
        if (dotted := variant.replace(" .", ".").replace(". ", ".")) != variant:
            yield from scan.over(dotted)
    if scan.is_split:
        for variant in commented.variants():
            yield from scan.over("".join(variant.split()))
            yield from scan.over(" ".join("".join(line.split()) for line in variant.splitlines()))


def _after_at_signs(text: str) -> Iterator[str]:
    """Yield every host name after an @ with the word before it, whatever else the text has."""
    before, *behind = text.split("@")
    for part in behind:
        host = _HOST.search(part)
        if host:
            words = _NO_WORD.split(before[-MAX_ADDRESS_CHARACTERS:])
            local = next(filter(None, reversed(words)), "?")
            found = f"{local}@{host[1]}"
            yield from dict.fromkeys((f"{local}@{host[0]}", found, _in_ascii(found)))
        before = part


def _decoded(value: str) -> Iterator[str]:
    """Yield a text with its encoded words decoded, strictly and leniently; nothing if it has no encoded words.

    Some mail clients skip control characters and white space within a word; some end an address at the end of a word.
    """
    if "?" not in value:
        return
    texts = dict.fromkeys((value, _visible(value, ""), "".join(_visible(value, "").split())))
    ways = (decode, lambda text: _LENIENT_WORD.sub(_leniently, text), lambda text: _LENIENT_WORD.sub(_apart, text))
    found = {way(text): None for text in texts if "=?" in text for way in ways}
    yield from (decoded for decoded in found if decoded not in texts)


def _leniently(word: re.Match[str]) -> str:
    """Decode a text that resembles an encoded word as UTF-8, whatever its charset label."""
    raw = word[2].encode("utf-8", "surrogateescape")
    if word[1] in "qQ":
        raw = _HEX.sub(lambda found: bytes.fromhex(found[1].decode("ascii")), raw.replace(b"_", b" "))
    else:
        with contextlib.suppress(binascii.Error):  # then the text stays encoded
            raw = base64.b64decode(raw + b"==")
    return raw.decode("utf-8", "replace")


def _apart(word: re.Match[str]) -> str:
    return f" {_leniently(word)} "


def _visible(text: str, instead: str) -> str:
    """Return a text without invisible characters: controls, zero-width characters, unusual blanks."""
    if text.replace("\n", "").isprintable():
        return text
    return "".join(mark if mark.isprintable() or mark in "\t\n" else instead for mark in text)


def _flat(text: str, instead: str) -> str:
    """Remove quotes, parentheses and backslashes, so that the text that they may hide is found."""
    return text.translate({ord("\\"): "", **dict.fromkeys(map(ord, '"()'), instead)})


def _side_by_side(text: str) -> str:
    """Return each piece between quotes joined to the next one: mailparser reads two such pieces as an address."""
    pieces = text.split('"')
    return " ".join(map("".join, pairwise(pieces))) if len(pieces) > 1 else text


def _joined_at(text: str) -> str:
    """Return a text without white space around @ (RFC 5322 allows it) and with single blanks elsewhere."""
    return " ".join(text.split()).replace(" @", "@").replace("@ ", "@")


@dataclass
class _Commented:
    """A text divided at its comments; quoted strings stay in the pieces.

    ``is_odd``: it has quotes, parentheses or backslashes on which mail clients differ.
    """

    pieces: list[str] = field(default_factory=list)
    is_odd: bool = False

    @classmethod
    def of(cls, text: str) -> _Commented:
        """Find the comments of a text."""
        made = cls()
        piece: list[str] = []
        at = 0
        while found := _MARK.search(text, at):
            piece.append(text[at : found.start()])
            begin, at = found.span()
            if found[0] == '"':
                end = _REST_OF_QUOTED.match(text, at)
                if end is None:
                    return made._unclosed(piece, text[at:])
                at = end.end()
                piece.append(text[begin:at])
            elif found[0] == "(":
                behind = made._after_comment(text, at)
                if behind is None:
                    return made._unclosed(piece, text[at:])
                at = behind
                made.pieces.append("".join(piece))
                piece = []
            else:
                made.is_odd = True
                piece.append(" " if found[0] == ")" else found[0])
        made.pieces.append("".join([*piece, text[at:]]))
        return made

    def without_comments(self) -> str:
        """Return the text without its comments."""
        return "".join(self.pieces)

    def variants(self) -> Iterator[str]:
        """Yield the text without its comments, and with a mark for each comment."""
        yield self.without_comments()
        if len(self.pieces) > 1:
            yield f" {_COMMENT} ".join(self.pieces)

    def _unclosed(self, piece: list[str], rest: str) -> _Commented:
        self.is_odd = True
        self.pieces += ["".join(piece), f" {_flat(rest, ' ')}"]
        return self

    def _after_comment(self, text: str, at: int) -> int | None:
        depth = 1
        for mark in _IN_COMMENT.finditer(text, at):
            if mark[0] == "(":
                depth += 1
            elif mark[0] == ")":
                depth -= 1
                if not depth:
                    return mark.end()
            elif mark[0] == '"':
                self.is_odd = True
        return None


@dataclass
class _Scan:
    """One pass over a text without comments.

    The address of a mailbox is the word in angle brackets; without brackets it is any word with an @. A scan that is
    not strict also takes such words if there are brackets, and also without the signs before them.

    Attributes:
        is_odd: a mailbox without an address, an unusual address, a quoted string that may be part of an address, a
            colon after an address, words after brackets, or brackets that do not match.
        is_split: white space after an address, without a comma.
    """

    strict: bool
    is_odd: bool = False
    is_split: bool = False

    def over(self, text: str) -> Iterator[str]:
        """Yield the addresses of a text, mailbox by mailbox."""
        mailbox = _Mailbox()
        inside = False
        for token in _TOKEN.finditer(text):
            word = token[0]
            if word == "<":
                inside = True
            elif word == ">":
                self.is_odd |= not inside
                inside = False
            elif word in {",", ";"} and not inside:
                if mailbox.last_end >= 0:
                    yield from self._end(mailbox)
                    mailbox = _Mailbox()
            elif word in {",", ";", ":"}:
                # some mail clients read the text before a colon as a name, whatever it looks like
                self.is_odd |= bool(word == ":" and mailbox.bare)
                mailbox.is_empty = not inside
            else:
                self._take(mailbox, token, inside=inside)
        self.is_odd |= inside
        yield from self._end(mailbox)

    def _take(self, mailbox: _Mailbox, token: re.Match[str], *, inside: bool) -> None:
        word = token[0]
        touches = token.start() == mailbox.last_end
        self.is_odd |= bool(mailbox.in_brackets and not inside and word != _COMMENT)
        if word[0] == '"':
            self.is_odd |= touches or inside
            self.is_split |= mailbox.last_had_at
            mailbox.take('"', token.end())
            mailbox.quoted = word
            return
        if mailbox.quoted and touches and word[0] == "@":
            word = mailbox.quoted + word
            mailbox.words -= 1
        elif mailbox.quoted and touches:
            self.is_odd = True
        self.is_split |= mailbox.last_had_at
        mailbox.take(word, token.end())
        self.is_odd |= "@" in word and not _is_usual(word)
        found = mailbox.in_brackets if inside else mailbox.bare
        found.extend(_specs(word, trims=not self.strict))

    def _end(self, mailbox: _Mailbox) -> Iterable[str]:
        found = mailbox.in_brackets if self.strict and mailbox.in_brackets else mailbox.in_brackets + mailbox.bare
        self.is_odd |= not found and not mailbox.is_empty
        if self.strict or mailbox.in_brackets or mailbox.words < 2:
            return found
        return [*found, *map(_in_ascii, found)]


@dataclass
class _Mailbox:
    """The part of one mailbox that was read so far."""

    in_brackets: list[str] = field(default_factory=list)
    bare: list[str] = field(default_factory=list)
    is_empty: bool = True
    quoted: str = ""
    last_end: int = -1
    last_had_at: bool = False
    words: int = 0

    def take(self, word: str, end: int) -> None:
        """Record a word and where it ends."""
        self.is_empty, self.quoted, self.last_end, self.last_had_at = False, "", end, "@" in word
        self.words += word != _COMMENT


def _in_ascii(spec: str) -> str:
    """Return an address from its first to its last ASCII letter or digit, as mailparser finds one between words."""
    local, _, domain = spec.rpartition("@")
    begin, end = _ASCII_LETTER.search(local), _ASCII_LETTER.search(domain[::-1])
    return f"{local[begin.start() :]}@{domain[: len(domain) - end.start()]}" if begin and end else spec


def _is_usual(word: str) -> bool:
    """Say whether a word is a usual address; marks on letters, which many scripts need, are ignored."""
    return bool(_USUAL.fullmatch(word) or _USUAL.fullmatch("".join(each for each in word if category(each)[0] != "M")))


def _specs(word: str, *, trims: bool) -> Iterator[str]:
    """Yield every ``local@domain`` in a word without white space; each @ of several may be the separator."""
    quoted = word.rfind('"@') + 1 if word[0] == '"' else 0
    local, *domains = word[quoted:].split("@")
    local = word[:quoted] + local
    for domain in domains:
        if local and domain:
            yield f"{local}@{domain}"
            if trims and not quoted and (begins := _LETTER.search(local)) and begins.start():
                yield f"{local[begins.start() :]}@{domain}"
            bare = domain.strip(_AROUND)
            if bare != domain and bare and "=?" not in word:
                yield f"{local.strip(_AROUND) or local}@{bare}"
        local = domain or local
