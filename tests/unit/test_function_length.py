"""Functions under layers/ have at most 40 lines, signature and docstring included; generated models aside."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS: Final = Path(__file__).parents[2] / "layers"
GENERATED: Final = "contracts/admin/models"
MAX_LINES: Final = 40

LONGER: Final = frozenset({"rules/verdict.py verdict"})
"""Functions that are still longer. Only removals are welcome."""


def _functions() -> Iterator[tuple[str, int]]:
    """Yield each function as ``<module> <name>`` with its number of lines, decorators not counted."""
    package = LAYERS / "postroom/python/postroom"
    for path in sorted(LAYERS.rglob("*.py")):
        if GENERATED in path.as_posix():
            continue
        module = path.relative_to(package if path.is_relative_to(package) else LAYERS).as_posix()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{module} {node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_40_lines() -> None:
    lengths = list(_functions())
    assert len(lengths) > 1000
    assert {name: lines for name, lines in lengths if lines > MAX_LINES and name not in LONGER} == {}


def test_the_list_of_longer_functions_names_no_short_one() -> None:
    assert {name for name, lines in _functions() if lines > MAX_LINES} >= LONGER
