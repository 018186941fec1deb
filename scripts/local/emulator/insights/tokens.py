"""A query cut into commands, and commands into tokens with their positions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    r"""
        (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<regex>/(?:[^/\\]|\\.)+/)
      | (?P<period>\d+(?:ms|[smhdw])(?![\w.]))
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<operator><=|>=|!=|=~|==|[=<>(),|*\[\]])
      | (?P<word>@?[^\W\d][\w.@]*|`[^`]+`)
    """,
    re.VERBOSE | re.DOTALL,
)
_SKIPPED: Final = re.compile(r"(?:\s+|\#[^\n]*)*")
_ESCAPED: Final = re.compile(r"""\\(["'\\])""")


class QueryError(ValueError):
    """A query that is not executed. ``start`` and ``end`` are the offsets of the word that is to blame."""

    def __init__(self, message: str, start: int, end: int) -> None:
        """Keep the place."""
        super().__init__(message)
        self.start = start
        self.end = end


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a query; ``text`` of a string is what it says, of all others what is written."""

    kind: str
    text: str
    start: int
    end: int

    def refused(self, why: str) -> QueryError:
        """Return an error about this word."""
        return QueryError(why, self.start, self.end)


def commands(query: str) -> Iterator[list[Token]]:
    """Cut a query at its pipes, which are no pipes inside strings and regular expressions. ``#`` begins a comment.

    Raises:
        QueryError: something that is no token, or nothing between two pipes.
    """
    found: list[Token] = []
    for token in _tokens(query):
        if (token.kind, token.text) != ("operator", "|"):
            found.append(token)
        elif found:
            yield found
            found = []
        else:
            raise token.refused("unexpected symbol found |: a command is missing before it")
    if not found:
        raise QueryError("unexpected end of the query: a command is missing", len(query), len(query))
    yield found


def _tokens(query: str) -> Iterator[Token]:
    place = _after_space(query, 0)
    while place < len(query):
        found = _TOKEN.match(query, place)
        if found is None:
            symbol = re.compile(r"-?[\w.@]+|.").match(query, place)
            text = symbol[0] if symbol else ""
            raise QueryError(f"unexpected symbol found {text}", place, place + len(text))
        kind, text = str(found.lastgroup), found[0]
        if kind == "string":
            text = _ESCAPED.sub(r"\1", text[1:-1])
        elif kind == "regex" or text.startswith("`"):
            text = text[1:-1]
        yield Token(kind, text, found.start(), found.end())
        place = _after_space(query, found.end())


def _after_space(query: str, place: int) -> int:
    found = _SKIPPED.match(query, place)
    return found.end() if found else place
