"""One command: its tokens taken one after the other, and what commands have in common."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from local.emulator.insights.rows import MAX_DIGITS, Row, Time, compared, number, written

if TYPE_CHECKING:
    from local.emulator.insights.tokens import Token

Condition = Callable[[Row], bool]

COMPARISONS: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": lambda a, b: bool(a == b),
    "==": lambda a, b: bool(a == b),
    "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: bool(a < b),
    "<=": lambda a, b: bool(a <= b),
    ">": lambda a, b: bool(a > b),
    ">=": lambda a, b: bool(a >= b),
}
PERIODS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
KEYWORDS: Final = frozenset({"and", "or", "not", "like", "in", "as", "by", "asc", "desc"})

KINDS: Final = {"word": "a name", "regex": "a regular expression"}
"""Names of kinds of tokens in errors, if they differ from the kind."""

_NAMED_GROUP: Final = re.compile(r"\(\?<(?=[A-Za-z_])")
"""Insights writes ``(?<name>``, Python ``(?P<name>``."""


@dataclass(frozen=True, slots=True)
class Column:
    """A value of a row and the name it is shown under: a field, or the period that an event falls into."""

    name: str
    field: str
    period_ms: int = 0

    def value(self, row: Row) -> Any:
        """Return the value; None: the event has none."""
        value = row.get(self.field)
        return Time(value - value % self.period_ms) if self.period_ms and isinstance(value, Time) else value


@dataclass(slots=True)
class State:
    """What one command hands to the next."""

    rows: list[Row]
    shown: list[Column] = field(default_factory=list)
    aggregated: bool = False
    matched: int = 0


class Parser:
    """The tokens of one command behind its name."""

    def __init__(self, tokens: list[Token]) -> None:
        """Take the command's name."""
        self.command = tokens[0]
        self.name = tokens[0].text.lower() if tokens[0].kind == "word" else ""
        self._tokens = tokens[1:]
        self.fields: list[Token] = []
        """Fields that were read, in order."""

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            QueryError: something is.
        """
        if self._tokens:
            raise self._tokens[0].refused(f"unexpected symbol found {self._tokens[0].text} in {self.name}")

    def next_is(self, kind: str, *texts: str) -> bool:
        """Say whether the next token is of this kind, and one of these texts where there are any."""
        if not self._tokens or self._tokens[0].kind != kind:
            return False
        return not texts or self._tokens[0].text.lower() in texts

    def take(self, kind: str, *texts: str) -> Token:
        """Take the next token, which must be of this kind and one of these texts.

        Raises:
            QueryError: it is another, or there is none.
        """
        if self.next_is(kind, *texts):
            return self._tokens.pop(0)
        wanted = " or ".join(texts) or KINDS.get(kind, f"a {kind}")
        if not self._tokens:
            raise self.command.refused(f"{self.name} ends where {wanted} is expected")
        raise self._tokens[0].refused(f"unexpected symbol found {self._tokens[0].text}: {self.name} expects {wanted}")

    def taken(self, kind: str, *texts: str) -> bool:
        """Take the next token if it is such a one."""
        if self.next_is(kind, *texts):
            self._tokens.pop(0)
            return True
        return False

    def field(self) -> str:
        """Take the name of a field; a function is refused by its name."""
        token = self.take("word")
        if token.text.lower() in KEYWORDS:
            raise token.refused(f"unexpected symbol found {token.text}: {self.name} expects a field")
        if self.next_is("operator", "("):
            raise token.refused(f"the function {token.text} is not executed by the local stack")
        self.fields.append(token)
        return token.text

    def names(self) -> list[str]:
        """Take fields with commas between them."""
        names = [self.field()]
        while self.taken("operator", ","):
            names.append(self.field())
        return names

    def column(self) -> Column:
        """Take a field or ``bin(period)``, and the name that ``as`` gives it."""
        if self.next_is("word", "bin") and len(self._tokens) > 1 and self._tokens[1].text == "(":
            self._tokens.pop(0)
            self.take("operator", "(")
            period = self.take("period")
            self.take("operator", ")")
            size, unit = re.findall(r"\d+|[a-z]+", period.text)
            if len(size) > MAX_DIGITS or not int(size):
                raise period.refused(f"bin({period.text}) has no length")
            column = Column(f"bin({period.text})", "@timestamp", int(size) * PERIODS_MS[unit])
        else:
            field = self.field()
            column = Column(field, field)
        if self.taken("word", "as"):
            return Column(self.take("word").text, column.field, column.period_ms)
        return column

    def columns(self) -> list[Column]:
        """Take columns with commas between them."""
        columns = [self.column()]
        while self.taken("operator", ","):
            columns.append(self.column())
        return columns

    def pattern(self) -> re.Pattern[str]:
        """Take a regular expression.

        Raises:
            QueryError: it is none.
        """
        token = self.take("regex")
        try:
            return re.compile(_NAMED_GROUP.sub("(?P<", token.text))
        except (re.error, OverflowError, RecursionError) as error:
            raise token.refused(f"/{token.text}/ is not a regular expression: {error}") from error

    def condition(self) -> Condition:
        """Take a condition: ``or`` binds least, then ``and``, then ``not``."""
        either = [self._all_of()]
        while self.taken("word", "or"):
            either.append(self._all_of())
        return lambda row: any(condition(row) for condition in either)

    def _all_of(self) -> Condition:
        every = [self._one()]
        while self.taken("word", "and"):
            every.append(self._one())
        return lambda row: all(condition(row) for condition in every)

    def _one(self) -> Condition:
        if self.taken("word", "not"):
            negated = self._one()
            return lambda row: not negated(row)
        if self.taken("operator", "("):
            condition = self.condition()
            self.take("operator", ")")
            return condition
        if self.next_is("word", "ispresent"):
            self._tokens.pop(0)
            self.take("operator", "(")
            present = self.field()
            self.take("operator", ")")
            return lambda row: present in row
        return self._of_field(self.field())

    def _of_field(self, field: str) -> Condition:
        """What is said about a field; about a missing one nothing is true, and so every ``not`` (ours)."""
        if self.taken("word", "not"):
            negated = self._like(field) if self.next_is("word", "like") else self._in(field)
            return lambda row: not negated(row)
        if self.next_is("word", "like") or self.next_is("operator", "=~"):
            return self._like(field)
        if self.next_is("word", "in"):
            return self._in(field)
        compare, value = COMPARISONS[self.take("operator", *COMPARISONS).text], self._value()
        return lambda row: field in row and compare(*compared(row[field], value))

    def _like(self, field: str) -> Condition:
        """A string is found anywhere and as written; a regular expression is searched."""
        if not self.taken("operator", "=~"):
            self.take("word", "like")
        pattern = re.compile(re.escape(self.take("string").text)) if self.next_is("string") else self.pattern()
        return lambda row: field in row and pattern.search(written(row[field])) is not None

    def _in(self, field: str) -> Condition:
        self.take("word", "in")
        self.take("operator", "[")
        values = [self._value()]
        while self.taken("operator", ","):
            values.append(self._value())
        self.take("operator", "]")
        return lambda row: field in row and any(a == b for a, b in (compared(row[field], each) for each in values))

    def _value(self) -> Any:
        """Take a string or a number."""
        if self.next_is("string"):
            return self.take("string").text
        token = self.take("number")
        value = number(token.text)
        if value is None:
            raise token.refused(f"{token.text} has too many digits")
        return value
