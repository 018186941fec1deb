"""`postroom rules` against the admin API, on template.yaml in this process."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

from cli import running
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root

from .conftest import BOUNCE, COUNT, DROP, PREFIX, SPARE, TAG, rows, written

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from tests.support.in_process import InProcessStack
    from tests.unit.cli.conftest import Run

pytestmark = pytest.mark.usefixtures("found")

DOCUMENTED = (repository_root() / "docs" / "command-line.md").read_text("utf-8")


def test_apply_makes_the_rules_those_of_the_file_and_does_nothing_the_second_time(run: Run, file: Path) -> None:
    planned = rows(run("rules", "plan", file, "--json"))
    assert [(row["change"], row["name"], row["done"]) for row in planned] == [
        ("create", "Spare the boss", False),
        ("create", "Moved", False),
        ("create", "No evil", False),
    ]
    assert rows(run("rules", "list", "--json")) == []
    applied = rows(run("rules", "apply", file, "--json"))
    assert applied == [row | {"done": True} for row in planned]
    listed = rows(run("rules", "list", "--json"))
    assert [row["name"] for row in listed] == ["Moved", "No evil", "Spare the boss"]
    again = rows(run("rules", "apply", file, "--json"))
    assert [(row["change"], row["done"]) for row in again] == [("unchanged", False)] * 3
    assert rows(run("rules", "list", "--json")) == listed


def test_apply_changes_and_deletes_rules_that_differ(run: Run, file: Path, tmp_path: Path) -> None:
    run("rules", "apply", file)
    before = {row["name"]: row for row in rows(run("rules", "list", "--json"))}
    result = run("rules", "apply", written(tmp_path, DROP | {"action": "MOVE_TO_JUNK"}, BOUNCE))
    assert result.output.splitlines() == [
        "~ change 'No evil'",
        "    action: DROP → MOVE_TO_JUNK",
        "- delete 'Spare the boss': DEFAULT, x@a.evil.example → boss@acme.example",
        "0 to create, 1 to change, 1 to delete, 1 unchanged",
        "done: 0 created, 1 changed, 1 deleted",
    ]
    after = {row["name"]: row for row in rows(run("rules", "list", "--json"))}
    assert after["Moved"] == before["Moved"]
    assert after["No evil"]["id"] == before["No evil"]["id"]
    assert (after["No evil"]["action"], sorted(after)) == ("MOVE_TO_JUNK", ["Moved", "No evil"])


@pytest.mark.parametrize("form", ["yaml", "json"])
def test_exported_rules_are_applied_and_exported_again_byte_for_byte(
    run: Run, stack: InProcessStack, file: Path, tmp_path: Path, form: str
) -> None:
    assert run("rules", "export", "--format", form).exit_code == 0
    run("rules", "apply", file)
    first = run("rules", "export", "--format", form).stdout_bytes
    copy = tmp_path / f"copy.{form}"
    copy.write_bytes(first)
    assert {row["change"] for row in rows(run("rules", "plan", copy, "--json"))} == {"unchanged"}
    other = stack.client("workmail").create_organization(Alias="other")["OrganizationId"]
    assert run("rules", "apply", copy, "--organization", "other").exit_code == 0
    assert run("rules", "export", "--format", form, "--organization", other).stdout_bytes == first
    if form == "json":
        assert json.loads(first)["inbound"] == [BOUNCE, DROP, SPARE]


def test_a_refused_change_ends_apply_and_the_changes_before_it_are_shown(
    run: Run, stack: InProcessStack, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("rules", "apply", file)
    client = type(stack).client

    def without_deleting(self: InProcessStack, service: str) -> Any:
        workmail = client(self, service)
        workmail.meta.events.register("before-call.workmail.DeleteInboundMailFlowRule", refuse)
        return workmail

    def refuse(**_: Any) -> None:
        raise RefusedError("not today")

    with monkeypatch.context() as patched:
        patched.setattr(type(stack), "client", without_deleting)
        result = run("rules", "apply", written(file.parent, DROP | {"description": "new"}), "--json")
    assert isinstance(result.exception, RefusedError)
    assert [(row["change"], row["done"]) for row in json.loads(result.stdout)] == [
        ("delete", False),
        ("change", False),
        ("delete", False),
    ]


def test_warnings_are_shown(run: Run, tmp_path: Path) -> None:
    output = run("rules", "plan", written(tmp_path, DROP, DROP | {"name": "Or not", "action": "DEFAULT"})).output
    expected = (
        "! 'Or not' never decides about *.evil.example → *: 'No evil' matches the same, and DROP is more restrictive"
    )
    assert expected in output.splitlines()


def test_a_bad_file_changes_nothing(run: Run, file: Path, tmp_path: Path) -> None:
    run("rules", "apply", file)
    for command in ("plan", "apply"):
        result = run("rules", command, written(tmp_path, DROP | {"senders": ["a+b@x.example"]}))
        assert isinstance(result.exception, UsageError)
        assert "rules.json:1: inbound[0].senders[0]: 'a+b@x.example' is no pattern" in str(result.exception)
    assert len(rows(run("rules", "list", "--json"))) == 3


class TestFunctions:
    def test_the_organization_has_the_calls_of_the_file(self, run: Run, stack: InProcessStack, tmp_path: Path) -> None:
        assert run("rules", "apply", written(tmp_path, TAG, COUNT)).exit_code == 0
        workmail = stack.client("workmail")
        (acme,) = [each for each in workmail.list_organizations()["OrganizationSummaries"] if each["Alias"] == "acme"]
        made = workmail.list_inbound_mail_flow_rules(OrganizationId=acme["OrganizationId"])["Rules"]
        assert {rule["Name"]: rule["Action"]["Lambda"] for rule in made} == {
            "Tag subjects": {
                "FunctionArn": f"{PREFIX}tag-subjects",
                "Synchronous": True,
                "FallbackAction": "DEFAULT",
                "RuleTimeoutMinutes": 5,
            },
            "Count lists": {"FunctionArn": f"{PREFIX}count-senders", "Synchronous": False},
        }

    def test_a_name_and_an_arn_of_the_account_are_the_same(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, TAG, COUNT))
        named = COUNT | {"lambda": {"function": "count-senders", "synchronous": False}}
        full = TAG | {"lambda": {**TAG["lambda"], "function": f"{PREFIX}tag-subjects"}}  # type: ignore[dict-item]
        plan = rows(run("rules", "plan", written(tmp_path, full, named), "--json"))
        assert {row["change"] for row in plan} == {"unchanged"}
        exported = json.loads(run("rules", "export", "--format", "json").stdout)
        assert exported == {"inbound": [named, TAG], "outbound": []}

    @pytest.mark.parametrize("form", ["yaml", "json"])
    def test_exported_calls_are_applied_to_another_organization_and_exported_again_byte_for_byte(
        self, run: Run, stack: InProcessStack, tmp_path: Path, form: str
    ) -> None:
        run("rules", "apply", written(tmp_path, TAG, COUNT, DROP))
        copy = tmp_path / f"copy.{form}"
        copy.write_bytes(run("rules", "export", "--format", form).stdout_bytes)
        other = stack.client("workmail").create_organization(Alias="other")["OrganizationId"]
        assert run("rules", "apply", copy, "--organization", "other").exit_code == 0
        again = run("rules", "export", "--format", form, "--organization", other)
        assert again.stdout_bytes == copy.read_bytes()

    def test_a_changed_call_is_shown_in_words_and_made(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, TAG))
        later = TAG | {"lambda": {"function": "count-senders", "synchronous": False}}
        assert run("rules", "apply", written(tmp_path, later)).output.splitlines() == [
            "~ change 'Tag subjects'",
            "    lambda: tag-subjects, synchronous; DEFAULT if it fails for 5 minutes → count-senders, asynchronous",
            "0 to create, 1 to change, 0 to delete, 0 unchanged",
            "done: 0 created, 1 changed, 0 deleted",
        ]
        (row,) = rows(run("rules", "list", "--json"))
        assert row["lambda"] == {"function": "count-senders", "synchronous": False}

    def test_a_call_without_permission_is_refused_with_the_missing_command(self, run: Run, tmp_path: Path) -> None:
        private = TAG | {"lambda": {**TAG["lambda"], "function": "private"}}  # type: ignore[dict-item]
        result = run("rules", "apply", written(tmp_path, private))
        assert isinstance(result.exception, RefusedError)
        assert str(result.exception).startswith("'Tag subjects': CreateInboundMailFlowRule: ")
        assert f"aws --region us-east-1 lambda add-permission --function-name {PREFIX}private" in str(result.exception)
        assert rows(run("rules", "list", "--json")) == []

    def test_a_misspelt_function_leaves_the_rules_that_hold(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, DROP, COUNT))
        misspelt = TAG | {"lambda": {**TAG["lambda"], "function": "tag-subejcts"}}  # type: ignore[dict-item]
        assert "there is no function" in str(run("rules", "apply", written(tmp_path, misspelt)).exception)
        assert [row["name"] for row in rows(run("rules", "list", "--json"))] == ["Count lists", "No evil"]

    def test_a_test_names_the_function(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, TAG, COUNT))
        request = ("--from", "x@a.lists.example", "--to", "ann@acme.example,ben@else.example")
        ann, ben = rows(run("rules", "test", *request, "--json"))
        assert (ann["rule"], ann["lambda"]) == ("Count lists", {"function": "count-senders", "synchronous": False})
        assert (ben["rule"], ben["lambda"]) == ("Tag subjects", TAG["lambda"])
        assert run("rules", "test", *request).output.splitlines()[:4] == [
            "ann@acme.example: RUN_LAMBDA count-senders by rule 'Count lists'",
            f"    {ann['reason']}",
            "  → 'Count lists': RUN_LAMBDA, matches *.lists.example → acme.example",
            "    'Tag subjects': RUN_LAMBDA, matches * → *",
        ]


class TestTest:
    def test_it_explains_the_winner(self, run: Run, file: Path) -> None:
        run("rules", "apply", file)
        request = ("--from", "x@a.evil.example", "--to", "boss@acme.example,ann@acme.example")
        boss, ann = rows(run("rules", "test", *request, "--json"))
        assert (boss["rule"], boss["action"]) == ("Spare the boss", "DEFAULT")
        assert [match["rule"] for match in boss["matched"]] == ["Spare the boss", "No evil"]
        assert "more specific" in boss["reason"]
        assert (ann["rule"], ann["action"], len(ann["matched"])) == ("No evil", "DROP", 1)
        assert run("rules", "test", *request).output.splitlines()[:4] == [
            "boss@acme.example: DEFAULT by rule 'Spare the boss'",
            f"    {boss['reason']}",
            "  → 'Spare the boss': DEFAULT, matches x@a.evil.example → boss@acme.example",
            "    'No evil': DROP, matches *.evil.example → *",
        ]

    def test_sender_and_the_bounces_words_are_there(self, run: Run, file: Path) -> None:
        run("rules", "apply", file)
        request = ("--from", "x@a.evil.example", "--sender", "l@lists.example", "--to", "old@acme.example")
        (row,) = rows(run("rules", "test", *request, "--json"))
        assert (row["rule"], row["bounceMessage"]) == ("Moved", "Write to new@acme.example")

    def test_a_message_that_no_rule_matches_is_handled_normally(self, run: Run) -> None:
        output = run("rules", "test", "--from", "a@b.example", "--to", "ann@acme.example").output
        assert output.splitlines()[0] == "ann@acme.example: DEFAULT"

    @pytest.mark.parametrize(
        "field",
        [
            "Joe <x@a.evil.example>",
            '"Joe, Jr." <x@a.evil.example>',
            "x@a.evil.example (Joe)",
            "<x@a.evil.example>",
        ],
    )
    @pytest.mark.parametrize("option", ["--from", "--sender"])
    def test_an_address_may_have_its_name_beside_it(self, run: Run, file: Path, field: str, option: str) -> None:
        run("rules", "apply", file)
        other = ("--from", "ann@b.example") if option == "--sender" else ()
        (row,) = rows(run("rules", "test", option, field, *other, "--to", "boss@acme.example", "--json"))
        assert row["rule"] == "Spare the boss"

    @pytest.mark.parametrize(
        "field",
        [
            "Joe",
            "",
            "a@b.example, x@a.evil.example",
            "y@a.example <x@a.evil.example>",
            '"Joe <x@a.evil.example>',
        ],
    )
    def test_a_text_that_is_not_one_address_is_refused(self, run: Run, field: str) -> None:
        result = run("rules", "test", "--from", field, "--to", "ann@acme.example")
        assert isinstance(result.exception, RefusedError | UsageError)
        assert "DEFAULT" not in result.output

    @pytest.mark.parametrize("to", [",", "nobody"])
    def test_a_recipient_without_an_address_is_refused(self, run: Run, to: str) -> None:
        result = run("rules", "test", "--from", "a@b.example", "--to", to)
        assert isinstance(result.exception, RefusedError | UsageError)


class TestOrganizations:
    def test_of_several_one_must_be_named(self, run: Run, stack: InProcessStack, file: Path) -> None:
        stack.client("workmail").create_organization(Alias="other")
        result = run("rules", "list")
        assert isinstance(result.exception, UsageError)
        assert str(result.exception) == "say which --organization: acme, other"
        assert run("rules", "apply", file, "--organization", "ACME").exit_code == 0
        assert rows(run("rules", "list", "--organization", "other", "--json")) == []
        assert len(rows(run("rules", "list", "--organization", "acme", "--json"))) == 3

    def test_unknown_ones_are_refused(self, run: Run) -> None:
        result = run("rules", "list", "--organization", "nobody")
        assert isinstance(result.exception, RefusedError)
        assert str(result.exception) == "no organization nobody"


def test_a_deployed_stack_is_reached_by_its_endpoint_alone(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", None)
    monkeypatch.setenv("AWS_ENDPOINT_URL_WORKMAIL", "http://127.0.0.1:9")
    result = run("rules", "list")
    assert isinstance(result.exception, RefusedError)
    assert "http://127.0.0.1:9" in str(result.exception)


class TestDocumentation:
    """docs/command-line.md names every member."""

    @pytest.mark.parametrize(
        ("section", "arguments"),
        [
            ("rules list", ()),
            ("rules plan", ("FILE",)),
            ("rules test", ("--from", "x@a.evil.example", "--to", "ann@acme.example")),
        ],
    )
    def test_the_members_are_those_that_are_documented(
        self, run: Run, file: Path, section: str, arguments: tuple[str, ...]
    ) -> None:
        run("rules", "apply", file)
        given = [file if each == "FILE" else each for each in arguments]
        (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCUMENTED, re.MULTILINE | re.DOTALL)
        documented = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))
        assert documented == set(rows(run(*section.split(), *given, "--json"))[0])
