"""Under layers/, a function has at most 40 lines and a module at most 400; generated models aside."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LAYERS: Final = Path(__file__).parents[2] / "layers"
PACKAGE: Final = LAYERS / "postroom/python/postroom"
GENERATED: Final = "contracts/admin/models"
MAX_LINES: Final = 40
"""Lines of a function, with its signature and docstring, without its decorators."""

MAX_MODULE_LINES: Final = 400


def _modules() -> Iterator[tuple[str, str]]:
    """Yield the path of each module, within the package if it is there, and its text."""
    for path in sorted(LAYERS.rglob("*.py")):
        if GENERATED not in path.as_posix():
            yield path.relative_to(PACKAGE if path.is_relative_to(PACKAGE) else LAYERS).as_posix(), path.read_text()


def _functions() -> Iterator[tuple[str, int]]:
    """Yield ``<module> <name>`` of each function, and its number of lines."""
    for module, text in _modules():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{module} {node.name}", node.end_lineno - node.lineno + 1


def test_no_function_is_longer_than_40_lines() -> None:
    lengths = list(_functions())
    assert len(lengths) > 1000
    assert {name: lines for name, lines in lengths if lines > MAX_LINES} == {}


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {module: len(text.splitlines()) for module, text in _modules()}
    assert {module: lines for module, lines in lengths.items() if lines > MAX_MODULE_LINES} == {}
