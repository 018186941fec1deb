"""A query carried out, command by command, over rows of log events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.emulator.insights.parser import Column, Parser, State
from local.emulator.insights.rows import sort_key, written
from local.emulator.insights.stats import Stats
from local.emulator.insights.tokens import QueryError, commands

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from local.emulator.insights.parser import Condition
    from local.emulator.insights.rows import Event, Row

MAX_ROWS: Final = 10_000
"""Of an answer, where neither query nor caller says less. Source: API reference, StartQuery, limit."""

_LAST: Final = {"limit": ("fields", "display"), "dedup": ("limit",)}
"""What may follow a command that takes rows away. Source: User Guide, "dedup"; of limit: ours."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a query found: values by the fields that it names, and how many events passed its filters."""

    rows: list[Row]
    matched: int

    def written(self) -> list[list[dict[str, str]]]:
        """Return the rows as GetQueryResults gives them."""
        return [[{"field": name, "value": written(value)} for name, value in row.items()] for row in self.rows]


Step = tuple["Parser", "Callable[[State], None]"]


def run(query: str, events: Iterable[Event], limit: int = MAX_ROWS) -> Answer:
    """Run a query over log events.

    Returns:
        Rows in the order that the query asks for, else the newest event first; fields that an event does not have are
        missing. Rows that are events end with ``@ptr``.

    Raises:
        QueryError: the query holds something that is not executed.
    """
    try:
        steps = _in_order([_step(Parser(tokens)) for tokens in commands(query)])
    except RecursionError as error:
        raise QueryError("conditions are nested too deeply", 0, len(query)) from error
    newest_first = sorted(events, key=lambda event: event.at, reverse=True)
    state = State([event.row() for event in newest_first])
    state.matched = len(state.rows)
    for _, carry_out in steps:
        carry_out(state)
    rows = state.rows[:limit]
    if not state.aggregated:
        shown = [*(state.shown or [_plain("@timestamp"), _plain("@message")]), _plain("@ptr")]
        rows = [_shown(row, shown) for row in rows]
    elif state.shown:
        rows = [_shown(row, state.shown) for row in rows]
    return Answer(rows, state.matched)


def _plain(name: str) -> Column:
    return Column(name, name)


def _shown(row: Row, columns: Sequence[Column]) -> Row:
    values = ((column.name, column.value(row)) for column in columns)
    return {name: value for name, value in values if value is not None}


def _step(parser: Parser) -> Step:
    """Read one command to its end."""
    known = _COMMANDS.get(parser.name)
    if known is None:
        raise parser.command.refused(f"the command {parser.command.text} is not executed by the local stack")
    carry_out = known(parser)
    parser.end()
    return parser, carry_out


def _in_order(steps: list[Step]) -> list[Step]:
    """Put a filter that names what ``stats`` has not before it: the guide's own queries have stats first.

    Raises:
        QueryError: a filter of both, or a command where the order is not known to us.
    """
    ordered: list[Step] = []
    for step in steps:
        place = len(ordered)
        if step[0].name in ("filter", "where"):
            for index in reversed(range(len(ordered))):
                made = ordered[index][1]
                if isinstance(made, Stats) and made.moved_before(step[0]):
                    place = index
        ordered.insert(place, step)
    before = ""
    for parser, _ in ordered:
        if before and parser.name not in _LAST[before]:
            raise parser.command.refused(f"{parser.name} after {before} is not executed by the local stack")
        before = parser.name if parser.name in _LAST else before
    return ordered


def _fields(parser: Parser) -> Callable[[State], None]:
    """Show more columns; those with a name of their own can be named from here on."""
    columns = parser.columns()

    def carry_out(state: State) -> None:
        state.shown += [_plain(column.name) for column in columns]
        for row in state.rows:
            row.update(_shown(row, [column for column in columns if column.name != column.field]))

    return carry_out


def _display(parser: Parser) -> Callable[[State], None]:
    names = parser.names()

    def carry_out(state: State) -> None:
        state.shown = [_plain(name) for name in names]

    return carry_out


def _filter(parser: Parser) -> Callable[[State], None]:
    condition: Condition = parser.condition()

    def carry_out(state: State) -> None:
        state.rows = [row for row in state.rows if condition(row)]
        if not state.aggregated:
            state.matched = len(state.rows)

    return carry_out


def _parse(parser: Parser) -> Callable[[State], None]:
    """Take parts of a field's text: ``*`` of a string by the names behind ``as``, or named groups."""
    source = parser.field()
    if parser.next_is("string"):
        token = parser.take("string")
        literals = [re.escape(part) for part in token.text.split("*")]
        pattern = re.compile("(.*?)".join(literals) + ("$" if token.text.endswith("*") else ""), re.DOTALL)
        parser.take("word", "as")
        names = parser.names()
        if pattern.groups != len(names):
            raise token.refused(f"{token.text!r} has {pattern.groups} * and {len(names)} names")
    else:
        pattern = parser.pattern()
        names = sorted(pattern.groupindex, key=pattern.groupindex.__getitem__)
        if not names or pattern.groups != len(names):
            raise parser.command.refused("parse with a regular expression needs groups, all of them with names")

    def carry_out(state: State) -> None:
        for row in state.rows:
            found = pattern.search(written(row[source])) if source in row else None
            values: Sequence[Any] = found.groups() if found else ()
            row.update({name: value for name, value in zip(names, values, strict=False) if value is not None})

    return carry_out


def _sort(parser: Parser) -> Callable[[State], None]:
    orders = [(parser.field(), parser.take("word", "asc", "desc").text.lower() == "desc")]
    while parser.taken("operator", ","):
        orders.append((parser.field(), parser.take("word", "asc", "desc").text.lower() == "desc"))

    def carry_out(state: State) -> None:
        for name, descending in reversed(orders):  # each is stable, so that the first one decides
            state.rows.sort(key=lambda row, name=name: sort_key(row, name), reverse=descending)  # type: ignore[misc]

    return carry_out


def _dedup(parser: Parser) -> Callable[[State], None]:
    """Keep the first row of equal ones; rows that lack one of the fields stay. Source: User Guide, "dedup"."""
    names = parser.names()

    def carry_out(state: State) -> None:
        seen: set[tuple[str, ...]] = set()
        kept = []
        for row in state.rows:
            values = tuple(written(row[name]) for name in names if name in row)
            if len(values) < len(names) or values not in seen:
                kept.append(row)
            seen.add(values)
        state.rows = kept

    return carry_out


def _limit(parser: Parser) -> Callable[[State], None]:
    token = parser.take("number")
    if not re.fullmatch(r"[0-9]{1,5}", token.text) or not 1 <= int(token.text) <= MAX_ROWS:
        raise token.refused(f"limit {token.text} is not from 1 to {MAX_ROWS}")

    def carry_out(state: State) -> None:
        state.rows = state.rows[: int(token.text)]

    return carry_out


_COMMANDS: Final[dict[str, Callable[[Parser], Callable[[State], None]]]] = {
    "fields": _fields,
    "display": _display,
    "filter": _filter,
    "where": _filter,
    "parse": _parse,
    "stats": Stats,
    "sort": _sort,
    "dedup": _dedup,
    "limit": _limit,
}
