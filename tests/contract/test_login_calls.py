"""What an attempt to authenticate asks of DynamoDB does not tell whether a user name is a user's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import pytest

from postroom.access import tokens
from postroom.adapters.aws.directory import DynamoDirectory
from postroom.adapters.aws.directory_table import DirectoryTable
from postroom.model.directory import EntityKind, EntityState, Role
from postroom.model.identity import AuthenticationMode
from tests.support.logins import TOKEN_ID, Logins

if TYPE_CHECKING:
    from postroom.adapters.memory.directory import MemoryDirectory
    from tests.support.stack import Stack

GUESSED_TOKEN: Final = tokens.text_of(TOKEN_ID, b"g" * tokens.SECRET_BYTES)
NAMES: Final = ("ada", "off", "away", "team", "nobody")


@pytest.fixture
def logins(stack: Stack) -> Logins:
    directory = DynamoDirectory(DirectoryTable(stack.dynamodb, "directory_table"))
    made = Logins(cast("MemoryDirectory", directory))
    made.add(made.person("off", state=EntityState.DISABLED))
    made.add(made.person("away", role=Role.REMOTE_USER))
    made.add(made.person("team", kind=EntityKind.GROUP, role=None), None)
    made.configure(AuthenticationMode.AND_DIRECTORY)
    made.token()
    return made


@pytest.mark.parametrize("form", ["{}@acme.example", "acme\\{}", "acme.example\\{}"])
@pytest.mark.parametrize("password", ["wrong", GUESSED_TOKEN], ids=["a password", "a token"])
def test_every_name_costs_the_same_calls(logins: Logins, stack: Stack, password: str, form: str) -> None:
    calls: list[str] = []

    def called(model: Any, **_: Any) -> None:
        calls.append(model.name)

    stack.dynamodb.meta.events.register("before-call.dynamodb", called)
    costs = {}
    for name in NAMES:
        assert logins.asked(form.format(name), password).caller is None
        costs[name], calls[:] = tuple(calls), []
    assert len(set(costs.values())) == 1, costs
