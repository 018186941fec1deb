"""A grammar of header blocks that mail readers read differently: the ways to hide a sender from a rule."""

from __future__ import annotations

from typing import Final

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

BAD: Final = "bad.example"
"""The domain that a rule is about."""

GOOD: Final = "good.example"

_NAMES: Final = ("", "Joe ", '"Joe" ', '"Doe, Joe" ', '"O\\"Brien" ', "=?utf-8?Q?J=C3=B6?= ", "Jö ", "J. R. ", "(who) ")

_SPECS: Final = (
    "x@{d}",
    "X@{D}",
    "x@{d}.",
    "x @ {d}",
    "x@ {d}",
    "x(c)@{d}",
    "x@(c){d}",
    "x@{d}(c (nested) \\) )",
    '"x"@{d}',
    '"x y"@{d}',
    "x@=?utf-8?Q?{d}?=",
    "=?utf-8?B?eA==?=@{d}",
    "=?utf-8?Q?x=40{d}?=",
    "x\0@{d}",
    "\u200bx@{d}",
    "x@{split}",
    "a@b@{d}",
    "'x@{d}'",
)

_MAILBOXES: Final = (
    "{s}",
    "<{s}>",
    "{n}<{s}>",
    "{n}{s}",
    "{n}<{s}",
    '"Joe <{s}>',
    'Joe" <{s}>',
    "(Joe <{s}>",
    "Joe) <{s}>",
    "<<{s}>>",
    "{s} (Joe)",
    "<@relay.example:{s}>",
    "x@{g} <{s}>",
    "{s} <x@{g}>",
    "=?utf-8?Q?Joe_=3C{q}=3E?=",
    "=?utf-8?Q?Joe_=3C{q}=3E?= <x@{g}>",
    '"{s}"',
    "({s})",
    "\\{s}",
    '"Joe\\" <{s}>',
)

_LISTS: Final = (
    "{m}",
    "{m}, y@{g}",
    "y@{g}, {m}",
    "y@{g}; {m}",
    "friends: {m}, y@{g};",
    "friends: y@{g};, {m}",
    "y@{g},\r\n {m}",
    ",,{m},",
    "\r\n {m}",
    "\r\n\t\r\n {m}",
)

_FIELD_NAMES: Final = ("From", "FROM", "fRoM", "From ", "From\t", "From \t", "From\r\n ", "From\xa0", "From\x0c")

_LINES: Final = (
    "To: somebody@acme.test\r\n",
    "Subject: hello\r\n",
    "Subject : hello\r\n",
    "X-Long: a\r\n b\r\n\tc\r\n",
    "this line is no field\r\n",
    ">From x@y.example Mon Jan  1 00:00:00 2024\r\n",
    "From x@y.example Mon Jan  1 00:00:00 2024\r\n",
    "X-Größe: 1\r\n",
    ": no name\r\n",
    "X-CR: a\rb\r\n",
    "X-CR: a\rTo: b@c.example\r\n",
    "X-CR: a\r\r\n",
    " \r\n",
    "\x00\r\n",
    "=====\r\n",
    "X:\r\n",
    "From: y@good.example\r\n",
    "Sender: y@good.example\r\n",
    "Sender : y@good.example\r\n",
    "Reply-To: y@good.example\r\n",
)

_FIRST: Final = ("", "", "", "\ufeff", " ", "\t", ">From x@y.example Mon Jan  1 00:00:00 2024\r\n", "\r")
_LINE_ENDS: Final = ("\r\n", "\r\n", "\r\n", "\n", "\r\r\n")
_CHARSETS: Final = ("utf-8", "utf-8", "latin-1")


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Draw a message whose From, or Sender, names the bad domain in some way."""

    def one(choices: tuple[str, ...]) -> str:
        return draw(st.sampled_from(choices))

    spec = one(_SPECS).format(d=BAD, D=BAD.upper(), split=BAD.replace(".", " ."))
    quoted = spec.replace("=", "=3D").replace("@", "=40").replace(" ", "_").replace("?", "=3F")
    mailbox = one(_MAILBOXES).format(s=spec, n=one(_NAMES), g=GOOD, q=quoted)
    field = f"{one(_FIELD_NAMES)}: {one(_LISTS).format(m=mailbox, g=GOOD)}\r\n"
    if draw(st.integers(0, 9)) == 0:
        field = field.replace("From", "Sender", 1).replace("FROM", "SENDER", 1)
    before = draw(st.lists(st.sampled_from(_LINES), max_size=3))
    behind = draw(st.lists(st.sampled_from(_LINES), max_size=2))
    block = one(_FIRST) + "".join([*before, field, *behind])
    text = block.replace("\r\n", one(_LINE_ENDS)) + "\r\n" + "body\r\n"
    return text.encode(one(_CHARSETS), "replace")


def generated(number: int) -> list[bytes]:
    """Return that many messages, always the same."""
    found: list[bytes] = []

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(messages())
    def collect(message: bytes) -> None:
        found.append(message)

    collect()
    return found
