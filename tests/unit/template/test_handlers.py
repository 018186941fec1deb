"""Handlers decode, call and encode; decisions belong to a station."""

import ast
from pathlib import Path
from typing import Final

import pytest

from .conftest import ROOT

HANDLERS: Final = sorted((ROOT / "functions").glob("*/app.py"))
MAX_LINES: Final = 40
BATCHES: Final = "postroom.adapters.aws.batches"
"""How Lambda's batches are gone through: the entry's own edge, beside what the bootstrap wires."""
BRANCHES: Final = (ast.If, ast.IfExp, ast.Match, ast.While)

each_handler = pytest.mark.parametrize("path", HANDLERS, ids=[path.parent.name for path in HANDLERS])


def imports(tree: ast.AST) -> list[str]:
    """Return every module that is imported, at any place."""
    return [
        name
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [f"{node.module}"]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    ]


def is_for_the_type_checker(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def test_a_runtime_of_our_own_may_be_run() -> None:
    for path in (ROOT / "functions").glob("*/runtime"):
        assert path.stat().st_mode & 0o111, f"{path} is not executable"


def test_there_are_handlers() -> None:
    assert HANDLERS


@each_handler
def test_a_handler_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@each_handler
def test_a_handler_decides_nothing(path: Path) -> None:
    nodes = ast.walk(ast.parse(path.read_text()))
    branches = [ast.unparse(node) for node in nodes if isinstance(node, BRANCHES) and not is_for_the_type_checker(node)]
    assert not branches


@each_handler
def test_a_handler_takes_an_event_and_a_context(path: Path) -> None:
    functions = {node.name: node for node in ast.parse(path.read_text()).body if isinstance(node, ast.FunctionDef)}
    assert [argument.arg for argument in functions["handler"].args.args] == ["event", "context"]


@each_handler
def test_a_handler_gets_its_work_from_its_own_bootstrap(path: Path) -> None:
    tree = ast.parse(path.read_text())
    ours = [name for name in imports(tree) if name.split(".")[0] == "postroom"]
    modules = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "postroom.bootstrap"
        for alias in node.names
    }
    assert modules == {f"postroom.bootstrap.{path.parent.name}"}
    assert set(ours) <= {"postroom.bootstrap", BATCHES}


@each_handler
def test_a_function_collects_garbage_as_usual_once_it_is_built(path: Path) -> None:
    bootstrap = ROOT / "layers/postroom/python/postroom/bootstrap" / f"{path.parent.name}.py"
    (build,) = (
        node
        for node in ast.parse(bootstrap.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name == "build"
    )
    assert [ast.unparse(decorator) for decorator in build.decorator_list] == ["ready"]
