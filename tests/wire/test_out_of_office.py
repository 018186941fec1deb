"""Out-of-office replies by a stock boto3 client with our model, with every error of it; and by the command."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import pytest
from typer.testing import CliRunner

from cli import running
from cli.commands.away import app
from cli.errors import UsageError
from cli.repository import repository_root

if TYPE_CHECKING:
    from typer.testing import Result

UNKNOWN: Final = "m-" + "0" * 32
TEXT: Final = "Back on Monday.\n"
REQUESTS: Final[dict[str, dict[str, Any]]] = {
    "put_out_of_office": {"UserId": "ann", "Text": TEXT},
    "get_out_of_office": {"UserId": "ann"},
    "delete_out_of_office": {"UserId": "ann"},
}
DOCUMENTED: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")


@pytest.fixture
def acme(taught_workmail: Any, acme: str) -> str:
    """An organization with ann, enabled, and ben, who is not."""
    for name in ("ann", "ben"):
        made = taught_workmail.create_user(OrganizationId=acme, Name=name, DisplayName=name)["UserId"]
        if name == "ann":
            taught_workmail.register_to_work_mail(OrganizationId=acme, EntityId=made, Email="ann@example.com")
    return acme


def run(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})


def test_every_error_of_the_model(taught_workmail: Any, acme: str) -> None:
    errors = taught_workmail.exceptions

    def refused(error: type[Exception], operation: str, **request: Any) -> None:
        with pytest.raises(error):
            getattr(taught_workmail, operation)(**{"OrganizationId": acme, **REQUESTS[operation], **request})

    for operation in REQUESTS:
        refused(errors.OrganizationNotFoundException, operation, OrganizationId=UNKNOWN)
        refused(errors.InvalidParameterException, operation, UserId="a b")
        refused(errors.EntityNotFoundException, operation, UserId="nobody")
    refused(errors.EntityStateException, "put_out_of_office", UserId="ben")
    refused(errors.InvalidParameterException, "put_out_of_office", EndTime=datetime(2020, 1, 1, tzinfo=UTC))
    refused(errors.ResourceNotFoundException, "get_out_of_office")
    taught_workmail.delete_organization(OrganizationId=acme, DeleteDirectory=True, ForceDelete=True)
    for operation in REQUESTS:
        refused(errors.OrganizationStateException, operation)


def test_the_command_sets_shows_and_deletes(taught_workmail: Any, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: SimpleNamespace(client=lambda _name: taught_workmail))
    named = ("ann@example.com", "--organization", "acme")
    times = ("--from", "2099-07-01", "--until", "2099-07-15T08:00+02:00")
    assert run("set", *named, TEXT, *times).exit_code == 0
    [row] = json.loads(run("show", *named, "--json").output)
    assert (row["from"], row["until"], row["text"]) == ("2099-07-01T00:00:00.000Z", "2099-07-15T06:00:00.000Z", TEXT)
    section = DOCUMENTED.partition("\n## away show\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(row)
    assert (row["outside"], row["audience"], row["state"]) == (TEXT, "ALL", "SCHEDULED")
    assert "Back on Monday." in run("show", *named).output
    assert run("set", *named, "Ask Ben.", "--outside", "<p>Away</p>", "--audience", "known").exit_code == 0
    [row] = json.loads(run("show", *named, "--json").output)
    assert (row["text"], row["outside"], row["audience"]) == ("Ask Ben.", "<p>Away</p>", "KNOWN")
    assert run("set", *named, "Ask Ben.", "--audience", "none").exit_code == 0
    [row] = json.loads(run("show", *named, "--json").output)
    assert (row["outside"], row["audience"], row["state"]) == (None, "NONE", "ENABLED")
    assert run("show", *named).exit_code == 0
    assert run("set", *named, "Gone").exit_code == 0
    [row] = json.loads(run("show", *named, "--json").output)
    assert (row["text"], row["until"]) == ("Gone", None)
    for _ in range(2):
        assert run("delete", *named).exit_code == 0
    found = run("show", *named)
    assert found.exit_code == 1
    assert "has no out-of-office reply" in str(found.exception)
    assert isinstance(run("set", *named, "x", "--until", "soon").exception, UsageError)
