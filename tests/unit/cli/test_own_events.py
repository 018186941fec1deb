"""`postroom logs` and `postroom replay --function`, on a customer's functions in real workers."""

from __future__ import annotations

import io
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from cli import own_events, running
from cli.commands import logs as logs_command
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from local.functions.function import Function
from local.settings import function_arn
from tests.support.local_lambda import LocalLambda
from tests.support.running_stack import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run

CODE = """
import io
import json
def handler(event, context):
    print("asked about", event.get("subject"))
    with open(__file__.replace("app.py", "answer.json")) as answer:
        return json.load(answer)
def fails(event, context):
    raise ValueError("no good")
"""

EVENT = {
    "summaryVersion": "2018-10-10",
    "envelope": {
        "mailFrom": {"address": "from@example.com"},
        "recipients": [{"address": "recipient1@example.com"}, {"address": "recipient2@example.com"}],
    },
    "sender": {"address": "sender@example.com"},
    "subject": "Hello From Amazon WorkMail!",
    "messageId": "00000000-0000-0000-0000-000000000000",
    "invocationId": "00000000000000000000000000000000",
    "flowDirection": "INBOUND",
    "truncated": False,
}
"""What `sam local generate-event workmail email` prints (aws-sam-cli 1.170.0)."""

DEFAULT = {"actions": [{"allRecipients": True, "action": {"type": "DEFAULT"}}]}


class Logs:
    """FilterLogEvents of one group, a page per call."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}

    def get_paginator(self, name: str) -> Logs:
        assert name == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's names
        yield {"events": [event for event in self.events.get(logGroupName, []) if event["timestamp"] >= startTime]}

    def say(self, group: str, timestamp: int, message: str) -> None:
        events = self.events.setdefault(group, [])
        events.append(
            {"eventId": str(len(events)), "timestamp": timestamp, "logStreamName": "s", "message": f"{message}\n"}
        )


@dataclass
class Stack:
    lambda_: LocalLambda
    logs: Logs
    outputs: dict[str, str]

    def client(self, service: str) -> Any:
        return {"lambda": self.lambda_.client, "logs": self.logs}[service]


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    code = tmp_path / "code"
    code.mkdir()
    (code / "app.py").write_text(CODE)
    (code / "answer.json").write_text(json.dumps(DEFAULT))
    functions = [
        Function("subject-tagger", "TagFunction", "app.handler", code, "python3.13", log_group="/mine"),
        Function("broken", "BrokenFunction", "app.fails", code, "python3.13", log_group="/broken"),
        Function("mail-IngestFunction-R4ND0M", "Ours", "app.handler", code, "python3.13", log_group="/ours"),
    ]
    outputs = {"IngestFunctionName": "mail-IngestFunction-R4ND0M", "LedgerTableName": "mail-LedgerTable-R4ND0M"}
    made = Stack(LocalLambda(tmp_path / "state", functions), Logs(), outputs)
    monkeypatch.setattr(running, "find", lambda: made)
    yield made
    made.lambda_.close()


@pytest.fixture
def event(tmp_path: Path) -> Path:
    path = tmp_path / "mail.json"
    path.write_text(json.dumps(EVENT))
    return path


def replayed(run: Run, *arguments: object) -> tuple[dict[str, Any], BaseException | None]:
    result = run("replay", *arguments, "--json")
    (row,) = json.loads(result.output)
    return row, result.exception


@pytest.mark.parametrize("name", ["subject-tagger", "TagFunction", function_arn("subject-tagger")])
def test_a_rules_event_reaches_a_customers_function_by_any_name(run: Run, stack: Stack, event: Path, name: str) -> None:
    row, refused = replayed(run, "--function", name, event)
    assert refused is None
    assert (row["event"], row["function"], row["ok"], row["answer"]) == ("mail.json", "subject-tagger", True, DEFAULT)
    wait_for(lambda: "asked about Hello From Amazon WorkMail!" in stack.lambda_.written("subject-tagger"))


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (
            {"actions": [{"action": {"type": "EXPLODE"}}]},
            "the answer is not of the documented form",
        ),
        ({"actions": "none"}, "the answer is not of the documented form: actions"),
        ({}, "the answer is not of the documented form: actions"),
    ],
)
def test_an_answer_that_no_rule_understands_is_refused(
    run: Run, stack: Stack, event: Path, answer: object, wrong: str
) -> None:
    (stack.lambda_.folder.parent / "code" / "answer.json").write_text(json.dumps(answer))
    row, refused = replayed(run, "--function", "TagFunction", event)
    assert isinstance(refused, RefusedError)
    assert wrong in row["wrong"]
    assert row["answer"] == answer


def test_an_outbound_rule_has_fewer_actions(run: Run, stack: Stack, event: Path) -> None:
    junk = {"actions": [{"allRecipients": True, "action": {"type": "MOVE_TO_JUNK"}}]}
    (stack.lambda_.folder.parent / "code" / "answer.json").write_text(json.dumps(junk))
    assert replayed(run, "--function", "TagFunction", event)[0]["ok"]
    event.write_text(json.dumps({**EVENT, "flowDirection": "OUTBOUND"}))
    assert "outbound mail has no action MOVE_TO_JUNK" in replayed(run, "--function", "TagFunction", event)[0]["wrong"]


def test_no_answer_is_right_for_an_asynchronous_rule(run: Run, stack: Stack, event: Path) -> None:
    (stack.lambda_.folder.parent / "code" / "answer.json").write_text("null")
    assert replayed(run, "--function", "TagFunction", event)[0]["ok"]
    assert own_events.NO_ANSWER in run("replay", "--function", "TagFunction", event).output


def test_another_event_is_only_run(run: Run, stack: Stack, event: Path) -> None:
    event.write_text('{"Records": []}')
    (stack.lambda_.folder.parent / "code" / "answer.json").write_text('"anything"')
    assert replayed(run, "--function", "TagFunction", event)[0]["ok"]


def test_an_error_of_a_function_is_shown(run: Run, stack: Stack, event: Path) -> None:
    row, refused = replayed(run, "--function", "broken", event)
    assert row["wrong"] == "ValueError: no good"
    assert str(refused) == "broken with mail.json: ValueError: no good"


def test_an_event_comes_from_a_pipe(run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_events, "sys", type("Sys", (), {"stdin": io.StringIO(json.dumps(EVENT))}))
    assert replayed(run, "--function", "TagFunction", "-")[0]["ok"]


@pytest.mark.parametrize(("content", "says"), [(b"{", "not JSON"), (b"\xff", "not JSON"), (None, "No such file")])
def test_an_event_that_cannot_be_read_is_used_wrongly(
    run: Run, stack: Stack, event: Path, content: bytes | None, says: str
) -> None:
    event.unlink() if content is None else event.write_bytes(content)
    refused = run("replay", "--function", "TagFunction", event).exception
    assert isinstance(refused, UsageError)
    assert says in str(refused)


def test_a_function_without_an_event_is_used_wrongly(run: Run, stack: Stack) -> None:
    assert isinstance(run("replay", "--function", "TagFunction").exception, UsageError)


@pytest.mark.parametrize("name", ["subject-tagger", "TagFunction", "123456789012:function:subject-tagger"])
def test_logs_shows_the_output_of_a_function_in_order(run: Run, stack: Stack, name: str) -> None:
    stack.logs.say("/mine", 2_000, "second\x1b[31m")
    stack.logs.say("/mine", 1_000, "first")
    stack.logs.say("/ours", 1_500, "another's")
    assert run("logs", name).output.splitlines() == [
        "1970-01-01T00:00:01.000Z first",
        "1970-01-01T00:00:02.000Z second [31m",
    ]
    assert json.loads(run("logs", name, "--json").output) == [
        {"timestamp": "1970-01-01T00:00:01.000Z", "logStream": "s", "message": "first"},
        {"timestamp": "1970-01-01T00:00:02.000Z", "logStream": "s", "message": "second\x1b[31m"},
    ]


def test_the_members_of_a_line_are_those_that_are_documented(run: Run, stack: Stack) -> None:
    stack.logs.say("/mine", 1_000, "one")
    documented = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
    section = documented.split("\n## logs\n")[1].split("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE)) == set(
        json.loads(run("logs", "TagFunction", "--json").output)[0]
    )


def test_postrooms_own_functions_are_found_by_their_folders(run: Run, stack: Stack, event: Path) -> None:
    stack.logs.say("/ours", 1_000, "one")
    assert run("logs", "ingest").output == "1970-01-01T00:00:01.000Z one\n"
    row, _ = replayed(run, "--function", "ingest", event)
    assert row["function"] == "mail-IngestFunction-R4ND0M"


def test_a_function_that_printed_nothing_has_no_lines(run: Run, stack: Stack) -> None:
    result = run("logs", "subject-tagger", "--json")
    assert (result.output, result.exit_code) == ("[]\n", 0)


def test_lines_since_a_time_are_shown(run: Run, stack: Stack) -> None:
    stack.logs.say("/mine", 1_000, "one")
    stack.logs.say("/mine", 60_000, "two")
    shown = json.loads(run("logs", "TagFunction", "--since", "1970-01-01T00:01", "--json").output)
    assert [row["message"] for row in shown] == ["two"]


def test_follow_gives_each_line_once_until_it_is_interrupted(
    run: Run, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack.logs.say("/mine", 1_000, "one")
    later = [(500, "late"), (1_000, "two")]

    def pause(_seconds: float) -> None:
        if not later:
            raise KeyboardInterrupt
        stack.logs.say("/mine", *later.pop(0))

    monkeypatch.setattr("cli.commands.logs.time.sleep", pause)
    result = run("logs", "TagFunction", "--follow", "--json")
    assert result.exit_code == 0
    assert [json.loads(line)["message"] for line in result.output.splitlines()] == ["one", "late", "two"]


@pytest.mark.parametrize(
    ("name", "proposed"),
    [
        ("subject-tager", "did you mean subject-tagger?"),
        ("ngest", "did you mean IngestFunction?"),
        ("IngestFunktion", "did you mean IngestFunction?"),
        ("xyz", "there are IngestFunction, broken, subject-tagger"),
        ("a name with blanks", "there are IngestFunction"),
    ],
)
def test_an_unknown_function_is_refused_with_names_that_are_near(
    run: Run, stack: Stack, name: str, proposed: str
) -> None:
    refused = run("logs", name).exception
    assert isinstance(refused, RefusedError)
    assert str(refused).startswith(f"there is no function {name}; {proposed}")


def test_follow_looks_more_often_than_once_a_second() -> None:
    assert logs_command.POLL_SECONDS < 1
