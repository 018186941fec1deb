"""`postroom rules` against the admin API, on template.yaml in this process."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import running
from local.errors import RefusedError, UsageError
from local.settings import repository_root
from tests.support.in_process import InProcessStack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run

DOCUMENTED = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
DROP = {"name": "No evil", "senders": ["*.evil.example"], "recipients": ["*"], "action": "DROP"}
SPARE = {
    "name": "Spare the boss",
    "description": "she knows them",
    "senders": ["x@a.evil.example"],
    "recipients": ["boss@acme.example"],
    "action": "DEFAULT",
}
BOUNCE = {
    "name": "Moved",
    "senders": ["*"],
    "recipients": ["old@acme.example"],
    "action": "BOUNCE",
    "bounceMessage": "Write to new@acme.example",
}


PREFIX = "arn:aws:lambda:us-east-1:123456789012:function:"
TAG = {
    "name": "Tag subjects",
    "senders": ["*"],
    "recipients": ["*"],
    "action": "RUN_LAMBDA",
    "lambda": {"function": "tag-subjects", "synchronous": True, "fallback": "DEFAULT", "timeoutMinutes": 5},
}
COUNT = {
    "name": "Count lists",
    "senders": ["*.lists.example"],
    "recipients": ["acme.example"],
    "action": "RUN_LAMBDA",
    "lambda": {"function": f"{PREFIX}count-senders", "synchronous": False},
}


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        stack.client("workmail").create_organization(Alias="acme")
        make_functions("tag-subjects", "count-senders", "private")
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("AWS_ENDPOINT_URL_WORKMAIL", raising=False)
    monkeypatch.setattr(running, "find", lambda: stack)
    yield
    workmail = stack.client("workmail")
    for organization in workmail.list_organizations()["OrganizationSummaries"]:
        named = {"OrganizationId": organization["OrganizationId"]}
        if organization["Alias"] != "acme" and organization["State"] == "Active":
            workmail.delete_organization(**named, DeleteDirectory=True)
        elif organization["Alias"] == "acme":
            for rule in workmail.list_inbound_mail_flow_rules(**named)["Rules"]:
                workmail.delete_inbound_mail_flow_rule(**named, RuleId=rule["RuleId"])
            for rule in workmail.list_outbound_mail_flow_rules(**named)["Rules"]:
                workmail.delete_outbound_mail_flow_rule(**named, RuleId=rule["RuleId"])
            for gateway in workmail.list_smtp_gateways(**named)["SmtpGateways"]:
                workmail.delete_smtp_gateway(**named, SmtpGatewayId=gateway["SmtpGatewayId"])


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with three rules."""
    return written(tmp_path, DROP, SPARE, BOUNCE)


def written(folder: Path, *rules: dict[str, Any], **directions: Any) -> Path:
    """Write a file of inbound rules, or of the directions that are named."""
    path = folder / "rules.json"
    path.write_text(json.dumps(directions or {"inbound": rules}), "utf-8")
    return path


def rows(result: Any) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    read: list[dict[str, Any]] = json.loads(result.stdout)
    return read


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


def test_apply_changes_and_deletes_what_differs(run: Run, file: Path, tmp_path: Path) -> None:
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
def test_what_is_exported_is_applied_and_exported_again_byte_for_byte(
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


def test_what_stands_in_the_way_ends_it_and_says_what_was_done(
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
        "! 'Or not' never decides about *.evil.example → *: 'No evil' says the same, and DROP is more restrictive"
    )
    assert expected in output.splitlines()


def test_a_bad_file_changes_nothing(run: Run, file: Path, tmp_path: Path) -> None:
    run("rules", "apply", file)
    for command in ("plan", "apply"):
        result = run("rules", command, written(tmp_path, DROP | {"senders": ["a+b@x.example"]}))
        assert isinstance(result.exception, UsageError)
        assert "rules.json:1: inbound[0].senders[0]: 'a+b@x.example' is no pattern" in str(result.exception)
    assert len(rows(run("rules", "list", "--json"))) == 3


def make_functions(*names: str) -> None:
    """Make functions that every organization's rules may call, but for ``private``."""
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr("app.py", "def handler(event, context): pass\n")
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "*"}}
    role = boto3.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    client = boto3.client("lambda")
    for name in names:
        client.create_function(
            FunctionName=name,
            Runtime="python3.13",
            Handler="app.handler",
            Role=role,
            Code={"ZipFile": code.getvalue()},
        )
        if name != "private":
            client.add_permission(
                FunctionName=name,
                StatementId="AllowWorkMail",
                Action="lambda:InvokeFunction",
                Principal="workmail.us-east-1.amazonaws.com",
                SourceArn="arn:aws:workmail:us-east-1:123456789012:organization/*",
            )


class TestFunctions:
    def test_the_organization_has_them_as_the_file_says(self, run: Run, stack: InProcessStack, tmp_path: Path) -> None:
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
    def test_what_is_exported_is_applied_elsewhere_and_exported_again_byte_for_byte(
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
            "    lambda: tag-subjects, waited for; DEFAULT if it fails for 5 minutes → count-senders, not waited for",
            "0 to create, 1 to change, 0 to delete, 0 unchanged",
            "done: 0 created, 1 changed, 0 deleted",
        ]
        (row,) = rows(run("rules", "list", "--json"))
        assert row["lambda"] == {"function": "count-senders", "synchronous": False}

    def test_what_the_function_does_not_allow_is_refused_with_the_line_that_is_missing(
        self, run: Run, tmp_path: Path
    ) -> None:
        private = TAG | {"lambda": {**TAG["lambda"], "function": "private"}}  # type: ignore[dict-item]
        result = run("rules", "apply", written(tmp_path, private))
        assert isinstance(result.exception, RefusedError)
        assert f"aws --region us-east-1 lambda add-permission --function-name {PREFIX}private" in str(result.exception)
        assert rows(run("rules", "list", "--json")) == []

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


THROUGH = {
    "name": "Through",
    "senders": ["*"],
    "recipients": ["partner.example"],
    "action": "SMTP_GATEWAY",
    "gateway": "relay",
}
SCAN: dict[str, Any] = {
    "name": "Scan",
    "senders": ["*"],
    "recipients": ["*"],
    "action": "RUN_LAMBDA",
    "lambda": {"function": "tag-subjects", "synchronous": True, "fallback": "SMTP_GATEWAY", "timeoutMinutes": 5},
    "thenGateway": "RELAY",
}


class TestOutbound:
    @pytest.fixture(autouse=True)
    def relay(self, stack: InProcessStack) -> str:
        """The gateway Relay."""
        workmail = stack.client("workmail")
        (acme,) = [each for each in workmail.list_organizations()["OrganizationSummaries"] if each["Alias"] == "acme"]
        request = {"Name": "Relay", "Host": "smtp.example.net", "Port": 587, "UserName": "u", "Password": "p"}
        made = workmail.create_smtp_gateway(OrganizationId=acme["OrganizationId"], **request)["SmtpGatewayId"]
        assert isinstance(made, str)
        return made

    def test_the_organization_has_both_directions_as_the_file_says(
        self, run: Run, stack: InProcessStack, relay: str, tmp_path: Path
    ) -> None:
        file = written(tmp_path, inbound=[DROP], outbound=[THROUGH, SCAN, DROP])
        assert run("rules", "apply", file).output.splitlines() == [
            "+ create outbound 'Through': SMTP_GATEWAY (Relay), * → partner.example",
            "+ create outbound 'Scan': RUN_LAMBDA (tag-subjects, waited for; SMTP_GATEWAY if it fails for 5 minutes, "
            "then Relay), * → *",
            "+ create 'No evil': DROP, *.evil.example → *",
            "+ create outbound 'No evil': DROP, *.evil.example → *",
            "4 to create, 0 to change, 0 to delete, 0 unchanged",
            "done: 4 created, 0 changed, 0 deleted",
        ]
        workmail = stack.client("workmail")
        (acme,) = [each for each in workmail.list_organizations()["OrganizationSummaries"] if each["Alias"] == "acme"]
        made = workmail.list_outbound_mail_flow_rules(OrganizationId=acme["OrganizationId"])["Rules"]
        actions = {rule["Name"]: rule["Action"] for rule in made}
        assert actions["Through"] == {"Type": "SMTP_GATEWAY", "SmtpGatewayId": relay}
        assert actions["Scan"]["ThenSmtpGatewayId"] == relay
        again = rows(run("rules", "apply", file, "--json"))
        assert [row["change"] for row in again] == ["unchanged"] * 4

    def test_they_are_listed_and_exported_with_the_gateways_name(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[THROUGH, SCAN]))
        listed = rows(run("rules", "list", "--json"))
        assert [(row["direction"], row["name"], row["gateway"], row["thenGateway"]) for row in listed] == [
            ("inbound", "No evil", None, None),
            ("outbound", "Scan", None, "Relay"),
            ("outbound", "Through", "Relay", None),
        ]
        exported = json.loads(run("rules", "export", "--format", "json").stdout)
        assert exported == {
            "inbound": [DROP],
            "outbound": [SCAN | {"thenGateway": "Relay"}, THROUGH | {"gateway": "Relay"}],
        }

    def test_a_direction_that_the_file_does_not_name_stays_as_it_is(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[THROUGH]))
        run("rules", "apply", written(tmp_path, inbound=[BOUNCE]))
        assert [row["name"] for row in rows(run("rules", "list", "--json"))] == ["Moved", "Through"]
        run("rules", "apply", written(tmp_path, outbound=[]))
        assert [row["name"] for row in rows(run("rules", "list", "--json"))] == ["Moved"]

    def test_a_changed_rule_and_one_that_goes_are_those_of_their_direction(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[DROP, THROUGH]))
        run("rules", "apply", written(tmp_path, inbound=[DROP], outbound=[DROP | {"action": "DEFAULT"}]))
        listed = rows(run("rules", "list", "--json"))
        assert [(row["direction"], row["action"]) for row in listed] == [("inbound", "DROP"), ("outbound", "DEFAULT")]

    @pytest.mark.parametrize("command", ["plan", "apply"])
    def test_a_gateway_that_is_not_there_is_refused_before_anything_changes(
        self, run: Run, tmp_path: Path, command: str
    ) -> None:
        result = run("rules", command, written(tmp_path, inbound=[DROP], outbound=[THROUGH | {"gateway": "Other"}]))
        assert isinstance(result.exception, RefusedError)
        assert str(result.exception).startswith("rule 'Through' names SMTP gateway 'Other', which the organization")
        assert rows(run("rules", "list", "--json")) == []

    def test_a_test_is_of_one_direction(self, run: Run, tmp_path: Path) -> None:
        run("rules", "apply", written(tmp_path, inbound=[TAG], outbound=[THROUGH, SCAN]))
        request = ("--from", "ann@acme.example", "--to", "ben@partner.example,eve@else.example")
        ben, eve = rows(run("rules", "test", "--outbound", *request, "--json"))
        assert (ben["rule"], ben["action"], ben["gateway"]) == ("Through", "SMTP_GATEWAY", "Relay")
        assert (eve["rule"], eve["lambda"], eve["gateway"]) == ("Scan", SCAN["lambda"], "Relay")
        inbound, _ = rows(run("rules", "test", *request, "--json"))
        assert (inbound["rule"], inbound["gateway"]) == ("Tag subjects", None)
        lines = run("rules", "test", "--outbound", *request).output.splitlines()
        assert lines[0] == "ben@partner.example: SMTP_GATEWAY Relay by rule 'Through'"
        assert "eve@else.example: RUN_LAMBDA tag-subjects, then Relay by rule 'Scan'" in lines


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

    def test_what_no_rule_matches_takes_its_normal_way(self, run: Run) -> None:
        output = run("rules", "test", "--from", "a@b.example", "--to", "ann@acme.example").output
        assert output.splitlines()[0] == "ann@acme.example: DEFAULT"

    @pytest.mark.parametrize("to", [",", "nobody"])
    def test_nobody_is_refused(self, run: Run, to: str) -> None:
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
