"""exchangelib, unmodified, on a running stack: with a version, without one, and by AutoDiscover."""

from __future__ import annotations

import email
import json
import os
import re
import urllib.error
import urllib.request
from email import policy
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest
from exchangelib.errors import ErrorMailRecipientNotFound, UnauthorizedError
from exchangelib.version import EXCHANGE_2010_SP2, Version

from cli.repository import repository_root
from tests.support.calendar_text import stand_ups_and_a_trip
from tests.support.ews_client import ask, berlin, discovered, fresh, server
from tests.support.reports import outbox
from tests.support.running_stack import PASSWORD, wait_for

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def clients(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    """The organization clients with ada and grace; grace has a calendar and working hours."""
    organization = running.organization("clients")
    for name in ("ada", "grace"):
        running.user(organization, name, f"{name}@clients.example")
    file = tmp_path_factory.mktemp("calendar") / "grace.ics"
    file.write_bytes(stand_ups_and_a_trip("clients.example", "LOCATION:Hamburg"))
    hours = ("--zone", "Europe/Berlin", "--period", "MON-THU 08:30-16:00")
    for arguments in (("import", "grace@clients.example", file), ("hours", "grace@clients.example", *hours)):
        done = running.command("calendar", *arguments)
        assert done.returncode == 0, done.stderr.decode()
    return running


def check_grace(view: Any) -> None:
    events = [(event.start, event.end, event.busy_type) for event in view.calendar_events]
    assert events == [(berlin(9), berlin(9, 30), "Busy"), (berlin(13), berlin(14, 30), "Tentative")]
    assert view.merged == "00" + "2" + "0" * 7 + "111" + "0" * 7
    (hours,) = view.working_hours
    assert (hours.weekdays, str(hours.start), str(hours.end)) == ([1, 2, 3, 4], "08:30:00", "16:00:00")
    assert (view.working_hours_timezone.bias, view.working_hours_timezone.daylight_time.bias) == (-60, -60)


@pytest.mark.parametrize("configuration", [{"version": Version(EXCHANGE_2010_SP2)}, {}], ids=["2010_SP2", "none"])
def test_exchangelib_reads_events_and_working_hours(clients: RunningStack, configuration: dict[str, Any]) -> None:
    with server(clients, "ada@clients.example", **configuration) as protocol:
        own, unknown, graces = ask(protocol, "ada@clients.example", "nobody@clients.example", "grace@clients.example")
        assert protocol.version.api_version == "Exchange2010_SP2"
    check_grace(graces)
    assert own.merged == "0" * 20
    assert isinstance(unknown, ErrorMailRecipientNotFound)


def test_the_documented_question_is_answered(clients: RunningStack, capsys: pytest.CaptureFixture[str]) -> None:
    """The code is that of docs/clients.md, with this stack's domain."""
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    (code,) = [each for each in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "PASSWORD)\nserver" in each]
    code = code.replace("@example.com", "@clients.example")
    with patch.dict(os.environ, clients.environment), fresh():
        names = {"ADDRESS": "ada@clients.example", "PASSWORD": PASSWORD}
        exec(compile(code, "docs/clients.md", "exec"), names)  # noqa: S102 - our own documentation
    assert capsys.readouterr().out.startswith("FreeBusyView(")


def test_each_side_is_told_once_what_exchangelib_set(clients: RunningStack) -> None:
    """The reply is set by the code of docs/clients.md."""
    organization = clients.organization("away")
    for name in ("ada", "ben"):
        clients.user(organization, name, f"{name}@away.example")
    text = (repository_root() / "docs" / "clients.md").read_text("utf-8")
    (code,) = [each for each in re.findall(r"```python\n(.+?)```", text, re.DOTALL) if "oof_settings" in each]
    with patch.dict(os.environ, clients.environment), fresh():
        names: dict[str, Any] = {"ADDRESS": "ada@away.example", "PASSWORD": PASSWORD}
        exec(compile(code, "docs/clients.md", "exec"), names)  # noqa: S102 - our own documentation
        found = names["account"].oof_settings
    assert (found.state, found.external_audience) == ("Scheduled", "All")
    assert (found.internal_reply, found.external_reply) == ("<p>Ask <b>Grace</b>.</p>", "I am away until August.")

    mail = b"From: %s\r\nTo: ada@away.example\r\nMessage-ID: <away-%d@x>\r\n\r\nhello\r\n"
    workmail: Any = clients.client("workmail")
    for number in range(2):
        clients.send(mail % (b"bob@elsewhere.example", number), "ada@away.example", sender="bob@elsewhere.example")
        inside = mail % (b"ben@away.example", 2 + number)
        workmail.submit_raw_message(OrganizationId=organization, UserId="ben@away.example", RawMessage=inside)
    wait_for(lambda: len(decisions(clients)) == 4)
    assert sorted(decisions(clients)) == ["OUT_OF_OFFICE_ANSWERED"] * 2 + ["REPLY_NOT_SENT"] * 2
    ((_, outside),) = wait_for(lambda: outbox(clients, "bob@elsewhere.example"))
    assert outside.get_content().strip() == "I am away until August."
    (item,) = wait_for(lambda: clients.rows("mailbox", "list", "ben@away.example", "--folder", "INBOX"))
    shown = clients.command("mailbox", "show", "ben@away.example", item["id"]).stdout
    told = email.message_from_bytes(shown, policy=policy.default)
    assert [part.get_content().strip() for part in told.iter_parts()] == ["Ask Grace.", "<p>Ask <b>Grace</b>.</p>"]
    assert told["Auto-Submitted"] == "auto-replied"


def decisions(clients: RunningStack) -> list[str]:
    """Return the names of the facts that say whether senders of the four messages get a reply."""
    names = []
    for number in range(4):
        done = clients.command("trace", "--message-id", f"<away-{number}@x>", "--json")
        names += [each["name"] for each in json.loads(done.stdout)] if done.returncode == 0 else []
    return [each for each in names if each in {"OUT_OF_OFFICE_ANSWERED", "REPLY_NOT_SENT"}]


def test_exchangelib_finds_the_stack_by_the_documented_recipe(
    clients: RunningStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with discovered(clients, "ada@clients.example", tmp_path) as protocol:
        assert capsys.readouterr().out == "https://autodiscover.clients.example/EWS/Exchange.asmx\n"
        (view,) = ask(protocol, "grace@clients.example")
        check_grace(view)
        assert protocol.version.api_version == "Exchange2010_SP2"


def test_exchangelib_reads_a_domain_that_another_ews_server_serves(clients: RunningStack) -> None:
    """The other server is the front of a second organization of the same stack."""
    url, workmail = clients.environment["POSTROOM_EWS_URL"], clients.client("workmail")
    organization = clients.organization("neighbours")
    clients.user(organization, "bo", "bo@neighbours.example")
    provider = {"EwsEndpoint": url, "EwsUsername": "ada@clients.example", "EwsPassword": PASSWORD}
    named = {"OrganizationId": organization, "DomainName": "clients.example"}
    workmail.create_availability_configuration(**named, EwsProvider=provider)
    assert workmail.test_availability_configuration(**named)["TestPassed"]
    names = ("bo@neighbours.example", "grace@clients.example", "nobody@clients.example", "ada@clients.example")
    with server(clients, "bo@neighbours.example") as protocol:
        own, graces, unknown, adas = ask(protocol, *names)
    check_grace(graces)
    assert (own.merged, adas.merged) == ("0" * 20, "0" * 20)
    assert isinstance(unknown, ErrorMailRecipientNotFound)


def test_a_wrong_password_is_an_unauthorized_error(clients: RunningStack) -> None:
    version = Version(EXCHANGE_2010_SP2)
    with server(clients, "ada@clients.example", "wrong", version=version) as protocol, pytest.raises(UnauthorizedError):
        ask(protocol, "grace@clients.example")


def test_the_challenge_is_workmails(clients: RunningStack) -> None:
    request = urllib.request.Request(clients.environment["POSTROOM_EWS_URL"], b"<a/>")  # noqa: S310 - our own http
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)  # noqa: S310 - our own http
    with refused.value as response:
        assert (response.code, response.headers["WWW-Authenticate"]) == (401, 'Basic realm="EWS"')


def test_no_password_and_no_address_is_in_the_functions_logs(clients: RunningStack) -> None:
    with server(clients, "ada@clients.example") as protocol:
        ask(protocol, "grace@clients.example")
    for function in ("AuthenticateFunction", "EwsFunction", "QueryAvailabilityFunction"):
        said = clients.command("logs", function).stdout.decode()
        assert '"message":"answered"' in said
        assert PASSWORD not in said
        assert "clients.example" not in said
