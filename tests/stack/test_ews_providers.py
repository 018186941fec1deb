"""A domain whose provider is an EWS server: the front of the same stack, as a user of another organization."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from exchangelib import Configuration, Credentials, EWSDateTime, EWSTimeZone
from exchangelib.errors import ErrorMailRecipientNotFound
from exchangelib.protocol import CachingProtocol, Protocol
from exchangelib.version import EXCHANGE_2010_SP2, Version

from tests.support.running_stack import PASSWORD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.running_stack import RunningStack

pytestmark = [pytest.mark.stack, pytest.mark.timeout(600)]

BERLIN = EWSTimeZone("Europe/Berlin")
GRACE, LINUS = "grace@askers.example", "linus@asked.example"
CALENDAR = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Postroom//Tests//EN
BEGIN:VEVENT
UID:review@asked.example
DTSTAMP:20261101T000000Z
DTSTART;TZID=Europe/Berlin:20261207T100000
DTEND;TZID=Europe/Berlin:20261207T113000
SUMMARY:Review
LOCATION:Lab
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n")


@pytest.fixture(scope="module")
def organizations(running: RunningStack, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The organizations askers, with grace, and asked, with linus, who has an event and working hours."""
    ids = (running.organization("askers"), running.organization("asked"))
    for each, address in zip(ids, (GRACE, LINUS), strict=True):
        running.user(each, address.partition("@")[0], address)
    file = tmp_path_factory.mktemp("calendar") / "linus.ics"
    file.write_bytes(CALENDAR.encode())
    for arguments in (
        ("import", LINUS, file),
        ("hours", LINUS, "--zone", "America/New_York", "--period", "TUE,WED 10:00-18:30"),
    ):
        done = running.command("calendar", *arguments)
        assert done.returncode == 0, done.stderr.decode()
    return ids


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """exchangelib keeps connections and versions for the life of the process."""
    CachingProtocol.clear_cache()
    yield
    CachingProtocol.clear_cache()


def configure(running: RunningStack, operation: str, organization_id: str, domain: str, **changes: str) -> Any:
    provider = {
        "EwsEndpoint": running.environment["POSTROOM_EWS_URL"],
        "EwsUsername": LINUS,
        "EwsPassword": PASSWORD,
        **changes,
    }
    call = getattr(running.client("workmail"), f"{operation}_availability_configuration")
    return call(OrganizationId=organization_id, DomainName=domain, EwsProvider=provider)


def ask(running: RunningStack, *mailboxes: str, day: int = 7) -> list[Any]:
    configuration = Configuration(
        service_endpoint=running.environment["POSTROOM_EWS_URL"],
        credentials=Credentials(GRACE, PASSWORD),
        version=Version(EXCHANGE_2010_SP2),
    )
    start, end = (EWSDateTime(2026, 12, day, hour, tzinfo=BERLIN) for hour in (8, 18))
    asked = [(each, "Required", False) for each in mailboxes]
    return list(Protocol(config=configuration).get_free_busy_info(asked, start, end, 30))


def calls(running: RunningStack, organization_id: str) -> list[dict[str, Any]]:
    """The facts of an organization's provider calls, as rows of the ledger."""
    rows = [row for row in running.scan("LEDGER_TABLE") if "PROVIDER_ASKED" in str(row)]
    return [row for row in rows if organization_id in str(row)]


def test_exchangelib_reads_the_calendar_of_another_organization(
    running: RunningStack, organizations: tuple[str, str]
) -> None:
    askers, asked = organizations
    configure(running, "create", askers, "asked.example")
    own, unknown, there = ask(running, GRACE, "nobody@asked.example", LINUS)
    assert (own.merged, own.calendar_events) == ("0" * 20, [])
    assert isinstance(unknown, ErrorMailRecipientNotFound)
    assert there.merged == "0000" + "222" + "0" * 13
    (event,) = there.calendar_events
    assert (event.start, event.end, event.busy_type) == (
        datetime(2026, 12, 7, 10, 0, tzinfo=BERLIN),
        datetime(2026, 12, 7, 11, 30, tzinfo=BERLIN),
        "Busy",
    )
    (hours,) = there.working_hours
    assert (hours.weekdays, str(hours.start), str(hours.end)) == ([2, 3], "10:00:00", "18:30:00")
    assert there.working_hours_timezone.bias == 300
    assert len(calls(running, askers)) == 1
    assert calls(running, asked) == []


def test_a_provider_that_refuses_the_password_leaves_the_others_their_answers(
    running: RunningStack, organizations: tuple[str, str]
) -> None:
    configure(running, "create", organizations[0], "locked.example", EwsPassword="wrong")
    refused, own = ask(running, "ann@locked.example", GRACE, day=8)
    assert isinstance(refused, ErrorMailRecipientNotFound)
    assert "ErrorFreeBusyGenerationFailed" in str(refused)
    assert own.merged == "0" * 20


def test_two_organizations_whose_domains_name_each_other_ask_each_other_once(
    running: RunningStack, organizations: tuple[str, str]
) -> None:
    configure(running, "create", organizations[0], "nowhere.example")
    configure(running, "create", organizations[1], "nowhere.example", EwsUsername=GRACE)
    before = [len(calls(running, each)) for each in organizations]
    (lost,) = ask(running, "ann@nowhere.example", day=9)
    assert isinstance(lost, ErrorMailRecipientNotFound)
    assert [len(calls(running, each)) for each in organizations] == [before[0] + 1, before[1]]


def test_a_configuration_can_be_tested(running: RunningStack, organizations: tuple[str, str]) -> None:
    workmail, named = running.client("workmail"), {"OrganizationId": organizations[0]}
    provider = {"EwsEndpoint": running.environment["POSTROOM_EWS_URL"], "EwsUsername": LINUS}
    passed = workmail.test_availability_configuration(**named, EwsProvider={**provider, "EwsPassword": PASSWORD})
    assert passed["TestPassed"]
    failed = workmail.test_availability_configuration(**named, EwsProvider={**provider, "EwsPassword": "wrong"})
    assert (failed["TestPassed"], "refused the user name or the password" in failed["FailureReason"]) == (False, True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:9/EWS/Exchange.asmx", "https://10.0.0.1/", "http://mail.partner.example/"]
)
def test_other_private_servers_are_refused(running: RunningStack, organizations: tuple[str, str], url: str) -> None:
    with pytest.raises(ClientError, match="InvalidParameterException"):
        configure(running, "create", organizations[0], "other.example", EwsEndpoint=url)
