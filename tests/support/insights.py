"""A small evaluator of CloudWatch Logs Insights queries: what the guide's sample queries need, and no more.

Commands: ``fields``, ``filter`` (and, or, not, parentheses, = == != < <= > >=, like with a string or a regular
expression), ``sort``, ``stats count(*) as x by y`` (star and name may be missing), ``limit``. JSON messages are
flattened to dotted fields, elements of lists by their index, as Insights discovers them; ``@timestamp`` and
``@message`` are there as well.
Source: CloudWatch Logs User Guide, "CloudWatch Logs Insights language query syntax".
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

Row = dict[str, Any]
Condition = Callable[[Row], bool]

TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<regex>/(?:[^/\\]|\\.)+/)
      | (?P<number>-?\d+(?:\.\d+)?(?![\w.]))
      | (?P<operator><=|>=|!=|==|[=<>(),|*])
      | (?P<word>[@\w][\w.@-]*)
    )""",
    re.VERBOSE,
)
COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: bool(a == b),
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}


def run(query: str, events: Iterable[tuple[int, str]]) -> list[Row]:
    """Run a query over log events, given as timestamps (milliseconds) and messages.

    Returns:
        Rows as dicts; fields that an event does not have are missing, as in Insights' answers.

    Raises:
        ValueError: the query holds something that this evaluator does not know.
    """
    rows = [{"@timestamp": at, "@message": message, **flat(json.loads(message))} for at, message in events]
    shown: tuple[str, ...] = ()
    commands = [_Parser(tokens) for tokens in _commands(query)]
    # Insights filters before it aggregates, wherever the query writes it: the guide's own queries have stats first.
    for command in sorted(commands, key=lambda command: command.name != "filter"):
        match command.name:
            case "fields":
                shown = (*shown, *command.names())
            case "filter":
                condition = command.condition()
                rows = [row for row in rows if condition(row)]
            case "sort":
                field, descending = command.order()
                rows.sort(key=lambda row: (field in row, row.get(field)), reverse=descending)
            case "stats":
                rows, shown = command.counted(rows), ()
            case "limit":
                rows = rows[: int(command.take("number"))]
            case other:
                raise ValueError(f"unknown command {other!r}")
        command.end()
    return [{name: row[name] for name in shown if name in row} for row in rows] if shown else rows


def flat(value: Any, prefix: str = "") -> Row:
    """Return the leaves of a JSON value by dotted path."""
    if isinstance(value, Mapping):
        pairs: Iterator[tuple[str, Any]] = ((str(name), each) for name, each in value.items())
    elif isinstance(value, list):
        pairs = ((str(place), each) for place, each in enumerate(value))
    else:
        return {prefix: value}
    leaves: Row = {}
    for name, each in pairs:
        leaves |= flat(each, f"{prefix}.{name}" if prefix else name)
    return leaves


def _commands(query: str) -> Iterator[list[tuple[str, str]]]:
    """Cut a query at its pipes, which are no pipes inside strings and regular expressions."""
    tokens: list[tuple[str, str]] = []
    place = 0
    query = query.rstrip()
    while place < len(query):
        found = TOKEN.match(query, place)
        if found is None:
            raise ValueError(f"cannot read {query[place : place + 20]!r}")
        place = found.end()
        kind = str(found.lastgroup)
        text = found[kind]
        if (kind, text) == ("operator", "|"):
            yield tokens
            tokens = []
        else:
            tokens.append((kind, text))
    yield tokens


class _Parser:
    """One command: its name, and the rest of its tokens."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        if not tokens:
            raise ValueError("an empty command")
        self.name = tokens[0][1]
        self._tokens = tokens[1:]

    def end(self) -> None:
        if self._tokens:
            raise ValueError(f"{self.name}: what is {self._tokens[0][1]!r}?")

    def take(self, kind: str, *texts: str) -> str:
        """Take the next token, which must be of this kind and one of these texts."""
        if not self._next_is(kind, *texts):
            raise ValueError(f"{self.name}: expected {' or '.join(texts) or kind}")
        return self._tokens.pop(0)[1]

    def names(self) -> list[str]:
        names = [self.take("word")]
        while self._next_is("operator", ","):
            self._tokens.pop(0)
            names.append(self.take("word"))
        return names

    def order(self) -> tuple[str, bool]:
        field = self.take("word")
        return field, bool(self._tokens) and self.take("word", "asc", "desc") == "desc"

    def counted(self, rows: list[Row]) -> list[Row]:
        self.take("word", "count")
        self.take("operator", "(")
        name = f"count({self.take('operator', '*') if self._next_is('operator', '*') else ''})"
        self.take("operator", ")")
        if self._next_is("word", "as"):
            self.take("word", "as")
            name = self.take("word")
        self.take("word", "by")
        fields = self.names()
        counts = Counter(tuple((field, row[field]) for field in fields if field in row) for row in rows)
        return [{**dict(group), name: count} for group, count in counts.items()]

    def condition(self) -> Condition:
        either = [self._all_of()]
        while self._next_is("word", "or"):
            self._tokens.pop(0)
            either.append(self._all_of())
        return lambda row: any(condition(row) for condition in either)

    def _all_of(self) -> Condition:
        every = [self._one()]
        while self._next_is("word", "and"):
            self._tokens.pop(0)
            every.append(self._one())
        return lambda row: all(condition(row) for condition in every)

    def _one(self) -> Condition:
        if self._next_is("word", "not"):
            self._tokens.pop(0)
            negated = self._one()
            return lambda row: not negated(row)
        if self._next_is("operator", "("):
            self._tokens.pop(0)
            condition = self.condition()
            self.take("operator", ")")
            return condition
        field = self.take("word")
        if self._next_is("word", "like"):
            self._tokens.pop(0)
            return self._like(field)
        compare, value = COMPARISONS[self.take("operator", *COMPARISONS)], self._value()
        return lambda row: field in row and compare(row[field], value)

    def _like(self, field: str) -> Condition:
        """A string is found anywhere and as written; a regular expression is searched."""
        kind, text = self._tokens.pop(0)
        pattern = re.compile(text[1:-1] if kind == "regex" else re.escape(json.loads(text)))
        return lambda row: field in row and pattern.search(str(row[field])) is not None

    def _value(self) -> Any:
        kind, text = self._tokens.pop(0)
        if kind not in {"string", "number"}:
            raise ValueError(f"{self.name}: {text!r} is no value")
        return json.loads(text)

    def _next_is(self, kind: str, *texts: str) -> bool:
        return bool(self._tokens) and self._tokens[0][0] == kind and (not texts or self._tokens[0][1] in texts)
