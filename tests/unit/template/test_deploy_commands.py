"""The AWS CLI commands of docs/deploy.md exist, take their options, and their queries find something."""

import re
import shlex
from typing import Any, Final

import botocore.session
import jmespath  # type: ignore[import-untyped]
import pytest
from botocore import xform_name
from botocore.model import MapShape, OperationModel, Shape, StringShape

from .conftest import ROOT

GUIDE: Final = ROOT / "docs/deploy.md"
COMMAND: Final = re.compile(r"(?:^ {4,}|`)(aws [a-z0-9-]+ [a-z0-9-]+[^`\n]*)", re.MULTILINE)
COMMANDS: Final = COMMAND.findall(GUIDE.read_text())
OF_THE_CLI: Final = {"s3api": "s3"}
CLIENT_MODEL: Final = ROOT / "layers/workmail_client/botocore"
"""Postroom's operations that WorkMail's API lacks are in it."""

RENAMED: Final = {"endpoint": "notification-endpoint"}
"""Members whose options have another name, because the CLI has one of its own with theirs."""

FILTER: Final = re.compile(r"\[\?[^]]*\]")
"""A condition of a query, which values of no service meet here."""

EVERY_COMMAND: Final = {"query", "region", "output", "profile"}

each_command = pytest.mark.parametrize("command", COMMANDS)


def operation(command: str) -> OperationModel:
    """Return the model of the operation that a command calls."""
    _, service, name, *_ = shlex.split(command)
    session = botocore.session.Session(session_vars={"data_path": (None, None, str(CLIENT_MODEL), None)})
    model = session.get_service_model(OF_THE_CLI.get(service, service))
    by_name = {xform_name(each, "-"): each for each in model.operation_names}
    return model.operation_model(by_name[name])


def answered(shape: Shape) -> Any:
    """Return an answer of a shape in which everything is there once."""
    match shape.type_name:
        case "structure":
            return {name: answered(member) for name, member in shape.members.items()}  # type: ignore[attr-defined]
        case "list":
            return [answered(shape.member)]  # type: ignore[attr-defined]
        case "map":
            assert isinstance(shape, MapShape)
            assert isinstance(shape.key, StringShape)
            return {key: answered(shape.value) for key in shape.key.enum or ["key"]}
        case kind:
            return kind


def test_the_guide_has_commands() -> None:
    assert len(COMMANDS) >= 8


@each_command
def test_a_command_exists_and_takes_its_options(command: str) -> None:
    called = operation(command)
    members = [xform_name(name, "-") for name in called.input_shape.members] if called.input_shape else []
    taken = {RENAMED.get(name, name) for name in members}
    options = {word[2:] for word in shlex.split(command) if word.startswith("--")}
    assert {option if option in taken else option.removeprefix("no-") for option in options} <= taken | EVERY_COMMAND


@each_command
def test_a_query_has_a_result(command: str) -> None:
    words = shlex.split(command)
    if "--query" in words:
        answer = operation(command).output_shape
        assert answer
        found = jmespath.search(FILTER.sub("[]", words[words.index("--query") + 1]), answered(answer))
        assert found
        assert None not in (found if isinstance(found, list) else [found])
