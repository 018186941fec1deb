"""Rules that import-linter cannot check: about single calls."""

import ast
from pathlib import Path
from typing import Final

import pytest

from .conftest import ROOT

PACKAGE: Final = ROOT / "layers/postroom/python/postroom"
OUTER: Final = {"adapters", "bootstrap", "sealing"}
"""Modules that may use AWS, the clock, chance and the environment; sealing has a default source of chance."""
CLOCKS_AND_CHANCE: Final = {"now", "utcnow", "today", "uuid1", "uuid4", "urandom", "perf_counter", "monotonic"}


def place(path: Path) -> str:
    """Return the folder, or the module, of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def is_of_self(value: ast.expr) -> bool:
    """Whether a value is ``self``, or something that it was given: ``self.station``."""
    while isinstance(value, ast.Attribute):
        value = value.value
    return isinstance(value, ast.Name) and value.id == "self"


PURE: Final = sorted(path for path in PACKAGE.rglob("*.py") if place(path) not in OUTER)


@pytest.mark.parametrize("path", PURE, ids=[str(path.relative_to(PACKAGE)) for path in PURE])
def test_a_station_is_told_the_time_and_its_ids(path: Path) -> None:
    calls = [
        f"{path.name}:{node.lineno} {node.func.attr}()"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in CLOCKS_AND_CHANCE
        and not is_of_self(node.func.value)
    ]
    assert not calls


def test_clients_are_made_in_one_place() -> None:
    makers = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        and any(alias.name == "botocore.session" or alias.name.split(".")[0] == "boto3" for alias in node.names)
    }
    assert makers == {"adapters/aws/clients.py"}
