"""``stats``: aggregates of groups of rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.emulator.insights.rows import number, sort_key, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from local.emulator.insights.parser import Column, Parser, State
    from local.emulator.insights.rows import Row


def _numbers(values: list[Any]) -> list[float | int]:
    return [found for value in values if (found := number(value)) is not None]


def _mean(values: list[Any]) -> float | None:
    numbers = _numbers(values)
    return sum(numbers) / len(numbers) if numbers else None


def _extreme(values: list[Any], place: int) -> Any:
    return sorted(values, key=lambda value: sort_key({"": value}, ""))[place] if values else None


AGGREGATES: Final[dict[str, Callable[[list[Any]], Any]]] = {
    "count": len,
    "count_distinct": lambda values: len({written(value) for value in values}),
    "sum": lambda values: sum(_numbers(values)),
    "avg": _mean,
    "min": lambda values: _extreme(values, 0),
    "max": lambda values: _extreme(values, -1),
}
"""Aggregates by name: from a group's values of one field to the result; None: there is none."""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate: which, of which field (``*``: of the rows themselves), and the name it is shown under."""

    name: str
    function: str
    field: str

    def value(self, rows: list[Row]) -> Any:
        """Return it for one group."""
        values = rows if self.field == "*" else [row[self.field] for row in rows if self.field in row]
        return AGGREGATES[self.function](list(values))


class Stats:
    """One ``stats`` command."""

    def __init__(self, parser: Parser) -> None:
        """Read it.

        Raises:
            QueryError: an aggregate that is not executed.
        """
        self._aggregates = [_aggregate(parser)]
        while parser.taken("operator", ","):
            self._aggregates.append(_aggregate(parser))
        self._groups: list[Column] = parser.columns() if parser.taken("word", "by") else []

    def moved_before(self, condition: Parser) -> bool:
        """Say whether a filter that is written behind belongs before: it names a field that is no more afterwards.

        Raises:
            QueryError: it names an aggregate as well.
        """
        aggregates = {aggregate.name for aggregate in self._aggregates}
        after = aggregates | {column.name for column in self._groups}
        gone = [token for token in condition.fields if token.text not in after]
        if gone and any(token.text in aggregates for token in condition.fields):
            raise gone[0].refused(f"{gone[0].text} and an aggregate in one filter: stats leaves no {gone[0].text}")
        return bool(gone)

    def __call__(self, state: State) -> None:
        """Put a row for each group in place of its rows, in the order that the groups come; one row without groups."""
        groups: dict[tuple[tuple[str, str], ...], list[Row]] = {} if self._groups else {(): []}
        values: dict[tuple[tuple[str, str], ...], Row] = {(): {}}
        for row in state.rows:
            pairs = ((column.name, column.value(row)) for column in self._groups)
            group = {name: value for name, value in pairs if value is not None}
            key = tuple((name, written(value)) for name, value in group.items())
            values.setdefault(key, group)
            groups.setdefault(key, []).append(row)
        state.rows = [{**values[key], **self._aggregated(rows)} for key, rows in groups.items()]
        state.shown = []
        state.aggregated = True

    def _aggregated(self, rows: list[Row]) -> Row:
        found = ((aggregate.name, aggregate.value(rows)) for aggregate in self._aggregates)
        return {name: value for name, value in found if value is not None}


def _aggregate(parser: Parser) -> Aggregate:
    token = parser.take("word")
    function = token.text.lower()
    if function not in AGGREGATES:
        raise token.refused(f"the aggregate {token.text} is not executed by the local stack")
    parser.take("operator", "(")
    if function == "count" and parser.next_is("operator", ")"):
        field = "*"
        name = "count()"
    elif function == "count" and parser.taken("operator", "*"):
        field = "*"
        name = "count(*)"
    else:
        field = parser.field()
        name = f"{token.text}({field})"
    parser.take("operator", ")")
    if parser.taken("word", "as"):
        name = parser.take("word").text
    return Aggregate(name, function, field)
