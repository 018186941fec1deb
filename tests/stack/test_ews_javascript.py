"""ews-javascript-api, unmodified, on a running stack: finds the front by its own AutoDiscover and reads free/busy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from local.errors import TemplateError
from local.functions.installs import Installs
from tests.support.calendar_text import stand_ups_and_a_trip
from tests.support.running_stack import PASSWORD, ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

PACKAGES: Final = ROOT / ".postroom" / "test-packages"
"""Kept from one run to the next, as a checkout's own packages are."""

DOMAIN: Final = "javascript.example"
GRACE: Final = f"grace@{DOMAIN}"
HOST: Final = f"https://autodiscover.{DOMAIN}"


@pytest.fixture(scope="module")
def program() -> Path:
    """The client, with its packages beside it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    source = ROOT / "tests" / "support" / "ews_clients"
    try:
        return Installs(PACKAGES).node("the suite", source, "ews-clients") / "free_busy.js"
    except TemplateError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def grace(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> RunningStack:
    """The stack, with ada, and with grace, who has a calendar and working hours."""
    organization = running.organization("javascript")
    for name in ("ada", "grace"):
        running.user(organization, name, f"{name}@{DOMAIN}")
    file = tmp_path_factory.mktemp("calendar") / "grace.ics"
    file.write_bytes(stand_ups_and_a_trip(DOMAIN))
    hours = ("--zone", "Europe/Berlin", "--period", "MON-THU 08:30-16:00")
    for arguments in (("import", GRACE, file), ("hours", GRACE, *hours)):
        done = running.command("calendar", *arguments)
        assert done.returncode == 0, done.stderr.decode()
    return running


def run(program: Path, asked: dict[str, Any]) -> dict[str, Any]:
    """Run the client and return what it prints."""
    done = subprocess.run(
        ["node", str(program), json.dumps(asked)],
        env={"PATH": os.environ["PATH"], "TZ": "UTC"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("zone", ["", "Eastern Standard Time"])
def test_it_finds_the_front_and_reads_the_same_free_busy_in_any_zone(
    grace: RunningStack, program: Path, zone: str
) -> None:
    base = grace.environment["POSTROOM_EWS_URL"].removesuffix("/EWS/Exchange.asmx")
    asked: dict[str, Any] = {
        "user": f"ada@{DOMAIN}",
        "password": PASSWORD,
        "mailboxes": [f"nobody@{DOMAIN}", GRACE],
        "start": "2026-12-07T12:00:00Z",  # the client asks for whole days
        "end": "2026-12-08T12:00:00Z",
        "base": base,
        "zone": zone,
    }
    found = run(program, asked)
    assert found["url"] == f"{HOST}/EWS/Exchange.asmx"
    assert found["asked"] == [
        {"method": "GET", "url": f"{HOST}/autodiscover/autodiscover.xml", "authorized": False, "status": 401},
        {"method": "POST", "url": f"{HOST}/autodiscover/autodiscover.svc", "authorized": True, "status": 200},
        {"method": "POST", "url": f"{HOST}/EWS/Exchange.asmx", "authorized": True, "status": 200},
    ]
    unknown, graces = found["mailboxes"]
    assert (unknown["result"], unknown["code"]) == ("Error", "ErrorMailRecipientNotFound")
    assert [(each["start"], each["end"], each["type"]) for each in graces["events"][:2]] == [
        ("2026-12-07T08:00:00.000Z", "2026-12-07T08:30:00.000Z", "Busy"),
        ("2026-12-07T12:00:00.000Z", "2026-12-07T13:30:00.000Z", "Tentative"),
    ]
    assert graces["view"] == "DetailedMerged"
    assert graces["workingHours"] == {
        "days": ["Monday", "Tuesday", "Wednesday", "Thursday"],
        "start": "510",
        "end": "960",
    }


def test_an_impersonation_role_reads_free_busy_as_a_user(grace: RunningStack, program: Path) -> None:
    """As Amazon's code for .NET and Java does, of whose library this one is a translation."""
    workmail = grace.client("workmail")
    organizations = workmail.list_organizations()["OrganizationSummaries"]
    (organization,) = [each["OrganizationId"] for each in organizations if each["Alias"] == "javascript"]
    named: dict[str, str] = {"OrganizationId": organization}
    rules = [{"ImpersonationRuleId": "all", "Effect": "ALLOW"}]
    role = workmail.create_impersonation_role(**named, Name="Sync", Type="READ_ONLY", Rules=rules)
    token = workmail.assume_impersonation_role(**named, ImpersonationRoleId=role["ImpersonationRoleId"])["Token"]
    asked: dict[str, Any] = {
        "user": f"ada@{DOMAIN}",
        "token": token,
        "url": grace.environment["POSTROOM_EWS_URL"],
        "mailboxes": [GRACE],
        "start": "2026-12-07T12:00:00Z",
        "end": "2026-12-08T12:00:00Z",
    }
    (graces,) = run(program, asked)["mailboxes"]
    assert [each["start"] for each in graces["events"][:2]] == ["2026-12-07T08:00:00.000Z", "2026-12-07T12:00:00.000Z"]
