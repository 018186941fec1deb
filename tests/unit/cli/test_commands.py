"""The commands that look into a stack, on template.yaml in this process."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from cli import running
from cli.commands.parked import as_row
from cli.errors import RefusedError, UsageError
from cli.output import rfc3339
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from postroom.bootstrap import flow_parts
from postroom.contracts.event_log import DEFAULT_LOG_GROUP
from postroom.ports.parked import Parked
from tests.support.in_process import InProcessStack, deployed

from .conftest import Run

NOW: Final = time.time_ns() // 1_000_000  # CloudWatch Logs refuses what is older than two weeks
ADA: Final = "ada@sample.example"
DOCUMENTED: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
MESSAGES: Final = repository_root() / "events" / "messages"


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)


@pytest.fixture(scope="module", autouse=True)
def replayed(stack: InProcessStack) -> None:
    """Some of the samples, in the order of a message's way."""
    samples = Samples.read(repository_root() / "events")
    runner = SampleRunner.of(stack, samples)
    for name in ("ingest", "ingest_spam", "deliver", "deliver_junk", "ingest_many_recipients", "ingest_malformed"):
        result = runner.run(samples.by_name[name], name.split("_")[0])
        assert not result.wrong


def rows(output: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(output)
    return read


def refusal(result: Any) -> str:
    assert isinstance(result.exception, RefusedError), result.output
    return str(result.exception)


class TestReplay:
    def test_named_files_run_against_their_functions(self, run: Run) -> None:
        events = repository_root() / "events"
        result = run("replay", events / "deliver.json", events / "ingest_no_to.json", "--json")
        assert [(row["event"], row["function"], row["ok"]) for row in rows(result.output)] == [
            ("ingest_no_to.json", "ingest", True),
            ("deliver.json", "deliver", True),
        ]

    def test_a_file_of_ones_own_runs_without_a_promise(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "admin_api_mine.json").write_text("{}")
        result = run("replay", tmp_path / "admin_api_mine.json", "--json")
        assert rows(result.output)[0]["answer"] is not None

    def test_an_error_of_a_function_is_shown_and_refused(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "ingest.json").write_text("[]")
        result = run("replay", tmp_path / "ingest.json", "--json")
        assert refusal(result) == "not as described: ingest.json"
        assert rows(result.output)[0]["wrong"]

    @pytest.mark.parametrize(("name", "text"), [("unknown.json", "{}"), ("ingest.json", "{"), ("gone.json", None)])
    def test_a_file_that_is_not_an_event_is_wrong_use(
        self, run: Run, tmp_path: Path, name: str, text: str | None
    ) -> None:
        if text is not None:
            (tmp_path / name).write_text(text)
        result = run("replay", tmp_path / name)
        assert isinstance(result.exception, UsageError)
        assert name in str(result.exception)


class TestMailbox:
    def test_list_shows_the_messages_of_every_folder(self, run: Run) -> None:
        listed = rows(run("mailbox", "list", ADA, "--json").output)
        assert [(row["folder"], row["subject"]) for row in listed] == [
            ("INBOX", "Minutes of Friday's meeting"),
            ("JUNK_EMAIL", "You have won"),
        ]

    def test_a_row_has_the_documented_members(self, run: Run) -> None:
        (row,) = rows(run("mailbox", "list", ADA, "--folder", "inbox", "--json").output)
        assert row.pop("id")
        assert row == {
            "folder": "INBOX",
            "uid": 1,
            "from": "Chris Martin <chris@example.net>",
            "fromAddress": "chris@example.net",
            "to": [ADA],
            "toIsCut": False,
            "deliveredTo": ADA,
            "subject": "Minutes of Friday's meeting",
            "messageId": "<minutes.20261120@example.net>",
            "size": (MESSAGES / "plain.eml").stat().st_size,
            "date": "2026-11-20T09:41:07.104Z",
            "flags": [],
        }

    @pytest.mark.parametrize("user", ["ada.berg@sample.example", "ADA@Sample.Example", "id"])
    def test_any_address_or_the_id_names_the_user(self, run: Run, stack: InProcessStack, user: str) -> None:
        if user == "id":
            organization = stack.client("workmail").list_organizations()["OrganizationSummaries"][0]
            user = stack.client("workmail").describe_user(OrganizationId=organization["OrganizationId"], UserId="ada")[
                "UserId"
            ]
        assert len(rows(run("mailbox", "list", user, "--json").output)) == 2

    def test_people_get_a_table(self, run: Run) -> None:
        output = run("mailbox", "list", ADA).output
        assert "Minutes of Friday's meeting" in output
        assert "JUNK_EMAIL" in output

    def test_show_writes_the_exact_bytes(self, run: Run) -> None:
        (row,) = rows(run("mailbox", "list", ADA, "--folder", "INBOX", "--json").output)
        assert run("mailbox", "show", ADA, row["id"]).stdout_bytes == (MESSAGES / "plain.eml").read_bytes()

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (("list", "ada@nowhere.example"), "no organization here has the domain of ada@nowhere.example"),
            (("list", "nobody@sample.example"), "no user has the address nobody@sample.example"),
            (("list", "team@sample.example"), "team@sample.example has no mailbox"),
            (("list", "0000"), "0000 has no mailbox; give an address, or the id of a user"),
            (("list", "@"), "no organization here has the domain of @"),
            (("show", ADA, "0000"), f"{ADA} has no message 0000"),
        ],
    )
    def test_an_unknown_user_or_item_is_refused(self, run: Run, arguments: tuple[str, ...], said: str) -> None:
        assert refusal(run("mailbox", *arguments)) == said

    def test_an_unknown_folder_names_those_that_there_are(self, run: Run) -> None:
        said = refusal(run("mailbox", "list", ADA, "--folder", "Projects"))
        assert said.startswith("no folder Projects; there are ")
        assert "DRAFTS" in said

    def test_the_mailboxes_of_an_organization_that_is_being_deleted_are_closed(
        self, run: Run, stack: InProcessStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        directory = stack.operator().directory
        domain = directory.domain("sample.example")
        assert domain is not None
        going = replace(domain, organization=replace(domain.organization, active=False))
        monkeypatch.setattr(type(directory), "domain", lambda _, name: going)
        monkeypatch.setattr(type(stack.operator().owners), "is_active", lambda _, organization: False)
        organization = domain.organization.id
        user = stack.client("workmail").describe_user(OrganizationId=organization, UserId="ada")["UserId"]
        for named in (ADA, user):
            assert refusal(run("mailbox", "list", named)) == f"the organization of {named} is being deleted"


class TestRebuild:
    def test_an_organization_that_is_not_there_is_one_line(self, run: Run) -> None:
        line = refusal(run("rebuild", "m-" + "0" * 32))
        assert "There is no organization m-" + "0" * 32 in line
        assert "\n" not in line


class TestTrace:
    def test_a_message_is_found_by_its_message_id(self, run: Run) -> None:
        found = rows(run("trace", "--message-id", "<minutes.20261120@example.net>", "--json").output)
        assert [row["name"] for row in found] == ["ORGANIZATION_EMAIL_RECEIVED", "MAILBOX_EMAIL_DELIVERED"]
        again = rows(run("trace", found[0]["traceId"], "--json").output)
        assert again == found
        assert rows(run("trace", found[0]["traceId"].replace("-", ""), "--json").output) == found
        assert set(found[0]) == {"factId", "traceId", "organizationId", "name", "at", "event", "data"}
        assert found[0]["event"]["messageTimestamp"] == "2026-11-20T09:41:07.104Z"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", found[0]["at"])

    def test_people_get_a_timeline(self, run: Run) -> None:
        lines = run("trace", "--message-id", "party.20261120@example.net").output.splitlines()
        assert "┬─ received      from chris@example.net to team@sample.example" in lines[1]
        assert "and 3 more: Summer party [spam PASS spf PASS dkim PASS dmarc PASS]" in lines[1]
        assert lines[2].split("─ ")[1] == "bounced       nobody@sample.example: no such mailbox here (5.1.1)"

    def test_nothing_known_is_refused(self, run: Run) -> None:
        assert refusal(run("trace", "0" * 32)) == f"nothing is known of {'0' * 32}"

    @pytest.mark.parametrize("arguments", [(), ("a", "--message-id", "b"), ("--message-id", "")])
    def test_one_name_is_asked_for(self, run: Run, arguments: tuple[str, ...]) -> None:
        assert isinstance(run("trace", *arguments).exception, UsageError)


@pytest.fixture(scope="module")
def logged(stack: InProcessStack) -> str:
    group, logs = DEFAULT_LOG_GROUP.format(alias="sample"), stack.client("logs")
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="s")
    record = {"traceId": "t" * 32, "event": {"eventName": "MAILBOX_EMAIL_DELIVERED", "recipient": ADA}}
    events = [{"timestamp": NOW + n, "message": json.dumps(record)} for n in range(2)]
    logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    return group


class TestEvents:
    def test_the_log_of_every_organization_is_one_array(self, run: Run, logged: str) -> None:
        found = rows(run("events", "--json").output)
        assert [row["timestamp"] for row in found] == [rfc3339(NOW), rfc3339(NOW + 1)]
        assert found[0]["logGroup"] == logged
        assert found[0]["event"]["recipient"] == ADA

    def test_people_get_lines_with_the_id_that_trace_takes(self, run: Run, logged: str) -> None:
        lines = run("events").output.splitlines()
        assert len(lines) == 2
        assert lines[0].endswith(f"MAILBOX_EMAIL_DELIVERED     {'t' * 32} recipient={ADA}")

    def test_following_shows_each_record_once(
        self, run: Run, logged: str, stack: InProcessStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        looked = 0

        def pause(_: float) -> None:
            nonlocal looked
            looked += 1
            if looked == 3:
                raise KeyboardInterrupt
            event = {"timestamp": NOW + 10, "message": '{"traceId": "n", "event": {"eventName": "NEW"}}'}
            if looked == 1:
                stack.client("logs").put_log_events(logGroupName=logged, logStreamName="s", logEvents=[event])

        monkeypatch.setattr("cli.commands.events.time.sleep", pause)
        result = run("events", "--follow", "--json")
        assert result.exit_code == 0
        assert [json.loads(line)["event"]["eventName"] for line in result.output.splitlines()] == [
            "MAILBOX_EMAIL_DELIVERED",
            "MAILBOX_EMAIL_DELIVERED",
            "NEW",
        ]

    def test_one_organization_is_read_since_a_time(self, run: Run, logged: str) -> None:
        found = rows(run("events", "--organization", "sample", "--since", rfc3339(NOW + 1), "--json").output)
        assert min(row["timestamp"] for row in found) == rfc3339(NOW + 1)
        assert refusal(run("events", "--organization", "nobody")) == "no organization nobody"

    def test_groups_are_read_no_faster_than_cloudwatch_logs_takes(
        self, run: Run, stack: InProcessStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def pause(seconds: float) -> None:
            waited.append(seconds)
            if len(waited) == 2:
                raise KeyboardInterrupt

        waited: list[float] = []
        monkeypatch.setattr("cli.commands.events.time.sleep", pause)
        monkeypatch.setattr("cli.commands.events.EventLog._groups", lambda _: iter(map(str, range(20))))
        assert run("events", "--follow").exit_code == 0
        assert waited == [4.0, 4.0]

    def test_a_configured_group_is_read_instead(self, run: Run, logged: str, stack: InProcessStack) -> None:
        workmail, logs = stack.client("workmail"), stack.client("logs")
        organization = workmail.list_organizations()["OrganizationSummaries"][0]["OrganizationId"]
        group = "/aws/workmail/events/chosen"
        logs.create_log_group(logGroupName=group)
        workmail.put_email_monitoring_configuration(
            OrganizationId=organization, LogGroupArn=f"arn:aws:logs:us-east-1:123456789012:log-group:{group}:*"
        )
        assert rows(run("events", "--json").output) == []
        workmail.delete_email_monitoring_configuration(OrganizationId=organization)


class TestParked:
    def test_list_shows_entries_and_causes(self, run: Run) -> None:
        found = rows(run("parked", "list", "--json").output)
        assert {row["cause"] for row in found} == {
            "InvalidNotificationError: not an SES notification: receipt.action",
            "InvalidNotificationError: not an SES notification: not JSON",
        }
        assert set(found[0]) == {"id", "traceId", "organizationId", "station", "cause", "since", "parkings"}

    def test_show_prints_the_body_that_the_station_will_get(self, run: Run) -> None:
        parked = self.parked(run, "not JSON")
        (row,) = rows(run("parked", "show", parked, "--json").output)
        assert row["body"] == "{ this is no JSON"
        assert "{ this is no JSON" in run("parked", "show", parked).output

    def test_redrive_names_entries_that_cannot_be_redriven_and_redrives_the_rest(
        self, run: Run, stack: InProcessStack
    ) -> None:
        parking = stack.operator().parking
        parking.park_orphan("o1", "{}")
        settings = flow_parts.FlowParkingSettings.read(stack.settings())
        flow_parts.flow_parking(settings).park_arrival("[]", "because")
        other = self.parked(run, "because")
        refused = run("parked", "redrive", "arrival:o1/orphan", other)
        assert refused.output == f"{other}: redriven\n"
        assert refusal(refused).startswith("arrival:o1/orphan: SES sent no notification of this message")
        assert run("parked", "discard", "arrival:o1/orphan").exit_code == 0

    def test_redrive_puts_it_back_and_discard_gives_it_up(self, run: Run) -> None:
        parked = self.parked(run, "receipt.action")
        assert run("parked", "redrive", parked).output == f"{parked}: redriven\n"
        other = self.parked(run, "not JSON")
        assert run("parked", "discard", other).output == f"{other}: discarded\n"
        assert run("parked", "list").output == "nothing is parked\n"
        nothing = run("parked", "redrive", "--all")
        assert (nothing.exit_code, nothing.output) == (0, "nothing is parked\n")

    @pytest.mark.parametrize("command", ["show", "redrive", "discard"])
    def test_an_entry_that_is_not_parked_is_refused(self, run: Run, command: str) -> None:
        assert refusal(run("parked", command, "a/b")) == "nothing is parked as a/b"

    @pytest.mark.parametrize("arguments", [(), ("a/b", "--all")])
    def test_redrive_wants_ids_or_all(self, run: Run, arguments: tuple[str, ...]) -> None:
        assert isinstance(run("parked", "redrive", *arguments).exception, UsageError)

    @staticmethod
    def parked(run: Run, cause: str) -> str:
        found = rows(run("parked", "list", "--json").output)
        return next(str(row["id"]) for row in found if row["cause"].endswith(cause))


class TestDocumentation:
    """docs/command-line.md names every member of every object."""

    SECTIONS: Final = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", DOCUMENTED, re.MULTILINE | re.DOTALL))

    @pytest.mark.parametrize(
        ("section", "arguments"),
        [
            ("mailbox list", (ADA,)),
            ("trace", ("--message-id", "<minutes.20261120@example.net>")),
            ("events", ()),
            ("replay", (repository_root() / "events" / "deliver.json",)),
        ],
    )
    @pytest.mark.usefixtures("logged")
    def test_the_members_are_those_that_are_documented(
        self, run: Run, section: str, arguments: tuple[object, ...]
    ) -> None:
        assert self.members(section) == set(rows(run(*section.split(), *arguments, "--json").output)[0])

    def test_a_parked_entry_has_the_documented_members(self) -> None:
        parked = Parked("t", "k", "o", "ingest", "cause", NOW, 1, "body")
        assert self.members("parked list") == set(as_row(parked))

    def test_every_command_that_prints_json_is_there(self) -> None:
        looks = {"mailbox list", "trace", "events", "logs", "parked list", "replay"}
        calendar = {f"calendar {name}" for name in ("list", "import", "hours", "access")}
        rules = {f"rules {name}" for name in ("list", "plan", "test")}
        others = {
            "availability",
            "away show",
            "grants list",
            "audit search",
            "audit verify",
            "export",
            "import",
            "queue list",
            "submit",
        }
        assert set(self.SECTIONS) == looks | calendar | rules | others

    def members(self, section: str) -> set[str]:
        return set(re.findall(r"^\| `(\w+)` \|", self.SECTIONS[section], re.MULTILINE))
