"""Files of mail-flow rules: what they may say, how they are complained of, and that they come back byte for byte."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from cli import rules_file
from cli.errors import UsageError
from cli.repository import repository_root
from cli.rules_file import WrittenCall, WrittenRule, dump, parse
from cli.rules_plan import warnings
from contracts import extra_operations
from postroom.contracts.admin.models.shapes import SHAPES
from postroom.model.limits import MAX_PATTERNS, MAX_PATTERNS_OF_A_RULE
from postroom.model.rules import Direction

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = json.loads(rules_file.SCHEMA.read_text("utf-8"))

GOOD = """\
# a comment
inbound:
- name: No evil
  senders: ['*.evil.example', Bad@Example.org]
  recipients: ["*"]
  action: BOUNCE
  bounceMessage: Go away, bitte schön
- name: Spare Ann
  description: she asked
  senders: [bücher.example]
  recipients: [ann@example.com]
  action: BYPASS_SPAM_CHECK
"""

EVIL = WrittenRule(
    name="No evil",
    senders=("*.evil.example", "bad@example.org"),
    recipients=("*",),
    action="BOUNCE",
    bounce_message="Go away, bitte schön",
)


def rule(**changes: Any) -> dict[str, Any]:
    return {"name": "r", "senders": ["a.example"], "recipients": ["*"], "action": "DROP", **changes}


def complaint(text: str, *, is_json: bool = False) -> str:
    with pytest.raises(UsageError) as caught:
        parse(text, "FILE", is_json=is_json)
    return str(caught.value)


def test_yaml_and_json_say_the_same() -> None:
    read = parse(GOOD, "FILE")
    assert read.directions == {Direction.INBOUND}
    assert read.rules[0] == EVIL
    assert (read.rules[1].senders, read.rules[1].description) == (("xn--bcher-kva.example",), "she asked")
    assert parse(json.dumps(yaml.safe_load(GOOD), indent="\t"), "FILE", is_json=True) == read


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "FILE:1: None is not of type 'object'"),
        ("inbound: [", "FILE:1: expected the node content, but found '<stream end>'"),
        ("rules: []", "FILE:1: Additional properties are not allowed ('rules' was unexpected)"),
        ("{}", "FILE:1: names neither inbound nor outbound rules"),
        (GOOD.replace("action: BOUNCE", "action: FORWARD"), "FILE:6: inbound[0].action: 'FORWARD' is not one of"),
        (GOOD.replace("action: BOUNCE", "action: DROP"), "bounceMessage goes with BOUNCE, not with DROP"),
        (GOOD.replace("name: No evil", "name: no"), "FILE:3: inbound[0].name: False is not of type 'string'"),
        (GOOD.replace("name: No evil", "name: 'x '"), "FILE:3: inbound[0].name: begins or ends with a space"),
        (GOOD.replace("she asked", '"a\\nb"'), "FILE:9: inbound[1].description: must be one line"),
        (GOOD.replace("she asked", '"a\\n"'), "FILE:9: inbound[1].description: must be one line"),
        (GOOD.replace("  action: BYPASS", "  Action: BYPASS"), "'action' is a required property"),
        (
            GOOD.replace("bücher.example", "a+b@example.org"),
            "FILE:10: inbound[1].senders[0]: 'a+b@example.org' is no pattern: the + symbol is not valid in a pattern",
        ),
        (GOOD.replace("Spare Ann", "NO EVIL"), "FILE:8: inbound[1].name: inbound[0] has the name 'No evil' already"),
        (GOOD + "  action: DROP\n", "FILE:13: inbound[1].action: is given twice"),
        ("inbound: [2026-99-99]", "FILE: month must be in 1..12"),
        ("inbound: [!!python/name:os.system x]", "FILE:1: could not determine a constructor"),
        ("inbound: &a [*a]", "is not of type 'object'"),
    ],
)
def test_a_mistake_is_named_by_line_and_place(text: str, expected: str) -> None:
    assert expected in complaint(text)


CALLS = """\
inbound:
- name: Tag
  senders: ['*']
  recipients: ['*']
  action: RUN_LAMBDA
  lambda:
    function: tag-subjects:live
    synchronous: true
    fallback: DEFAULT
    timeoutMinutes: 0
- name: Count
  senders: ['*']
  recipients: [example.com]
  action: RUN_LAMBDA
  lambda:
    function: arn:aws:lambda:us-east-1:123456789012:function:count
    synchronous: false
"""


def test_a_rule_shows_how_its_function_is_called() -> None:
    tag, count = parse(CALLS, "FILE").rules
    assert tag.call == WrittenCall(
        function="tag-subjects:live", synchronous=True, fallback="DEFAULT", timeout_minutes=0
    )
    assert count.call == WrittenCall(function="arn:aws:lambda:us-east-1:123456789012:function:count", synchronous=False)
    assert dump([tag, count]) == dump(parse(dump([count, tag]), "FILE").rules)
    assert yaml.safe_load(dump([tag, count]))["inbound"][::-1] == yaml.safe_load(CALLS)["inbound"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("action: RUN_LAMBDA", "action: DROP", "FILE:5: inbound[0].action: lambda goes with RUN_LAMBDA, not with DROP"),
        ("    synchronous: true\n", "", "FILE:6: inbound[0].lambda: 'synchronous' is a required property"),
        ("true", "'true'", "FILE:8: inbound[0].lambda.synchronous: 'true' is not of type 'boolean'"),
        ("true", "1", "FILE:8: inbound[0].lambda.synchronous: 1 is not of type 'boolean'"),
        ("    fallback: DEFAULT\n", "", "FILE:6: inbound[0].lambda: 'fallback' is a required property"),
        ("    timeoutMinutes: 0\n", "", "FILE:6: inbound[0].lambda: 'timeoutMinutes' is a required property"),
        ("DEFAULT", "RUN_LAMBDA", "FILE:9: inbound[0].lambda.fallback: 'RUN_LAMBDA' is not one of"),
        ("s: 0", "s: 241", "FILE:10: inbound[0].lambda.timeoutMinutes: 241 is greater than the maximum of 240"),
        ("s: 0", "s: -1", "FILE:10: inbound[0].lambda.timeoutMinutes: -1 is less than the minimum of 0"),
        ("s: 0", "s: 1.5", "FILE:10: inbound[0].lambda.timeoutMinutes: 1.5 is not of type 'integer'"),
        (
            "s: false",
            "s: false\n    fallback: DROP",
            "FILE:17: inbound[1].lambda.synchronous: fallback goes with true, not with false",
        ),
        (
            "s: false",
            "s: false\n    timeoutMinutes: 0",
            "inbound[1].lambda.synchronous: timeoutMinutes goes with true, not with false",
        ),
        (
            "subjects:live",
            "subjects:$LATEST",
            "FILE:7: inbound[0].lambda.function: 'tag-subjects:$LATEST' is not a function",
        ),
        ("tag-subjects:live", "tag*", "FILE:7: inbound[0].lambda.function: 'tag*' is not a function: a name or an ARN"),
        ("tag-subjects:live", '"tag\\n"', "FILE:7: inbound[0].lambda.function: must be one line"),
        (
            "recipients: ['*']",
            "recipients: ['*', example.com]",
            "FILE:4: inbound[0].recipients: a rule that waits for a function has the one recipient pattern *",
        ),
    ],
)
def test_a_mistake_in_a_call_is_named_by_line_and_place(old: str, new: str, expected: str) -> None:
    assert old in CALLS
    assert expected in complaint(CALLS.replace(old, new, 1))


OUTBOUND = """\
outbound:
- name: Through
  senders: ['*']
  recipients: [rival.example]
  action: SMTP_GATEWAY
  gateway: Relay
- name: Tag
  senders: ['*']
  recipients: ['*']
  action: RUN_LAMBDA
  lambda:
    function: tag
    synchronous: true
    fallback: SMTP_GATEWAY
    timeoutMinutes: 0
  thenGateway: Relay
"""


def test_outbound_rules_name_gateways() -> None:
    read = parse(OUTBOUND, "FILE")
    assert read.directions == {Direction.OUTBOUND}
    assert [(rule.direction, rule.gateway) for rule in read.rules] == [(Direction.OUTBOUND, "Relay")] * 2
    assert yaml.safe_load(dump(read.rules)) == {"inbound": [], "outbound": yaml.safe_load(OUTBOUND)["outbound"][::-1]}


def test_a_name_may_stand_once_in_each_direction() -> None:
    both = parse(GOOD + OUTBOUND.replace("Through", "No evil"), "FILE")
    assert both.directions == {*Direction}
    assert [rule.name for rule in both.rules] == ["No evil", "Spare Ann", "No evil", "Tag"]
    twice = complaint(GOOD + OUTBOUND.replace("Through", "TAG"))
    assert twice == "FILE:19: outbound[1].name: outbound[0] has the name 'TAG' already"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("  gateway: Relay\n", "", "FILE:2: outbound[0]: 'gateway' is a required property"),
        ("  thenGateway: Relay\n", "", "FILE:7: outbound[1]: 'thenGateway' is a required property"),
        ("SMTP_GATEWAY", "DROP", "FILE:5: outbound[0].action: gateway goes with SMTP_GATEWAY, not with DROP"),
        ("SMTP_GATEWAY", "MOVE_TO_JUNK", "FILE:5: outbound[0].action: 'MOVE_TO_JUNK' is not one of"),
        ("fallback: SMTP_GATEWAY", "fallback: MOVE_TO_JUNK", "outbound[1].lambda.fallback: 'MOVE_TO_JUNK' is not one"),
        (
            "synchronous: true\n    fallback: SMTP_GATEWAY\n    timeoutMinutes: 0\n",
            "synchronous: false\n",
            "outbound[1].lambda.synchronous: thenGateway goes with true, not with false",
        ),
        ("gateway: Relay", "thenGateway: Relay", "thenGateway goes with RUN_LAMBDA, not with SMTP_GATEWAY"),
        ("gateway: Relay", "gateway: ' Relay'", "FILE:6: outbound[0].gateway: begins or ends with a space"),
        ("  gateway: Relay", "  gateway: Relay\n  password: x", "('password' was unexpected)"),
        ("recipients: ['*']", "recipients: [a.example]", "outbound[1].recipients: a rule that waits for a function"),
        ("outbound:", "inbound:", "inbound[0].action: 'SMTP_GATEWAY' is not one of"),
        ("outbound:", "inbound:", "('gateway' was unexpected)"),
    ],
)
def test_a_mistake_in_an_outbound_rule_is_named_by_line_and_place(old: str, new: str, expected: str) -> None:
    assert old in OUTBOUND
    assert expected in complaint(OUTBOUND.replace(old, new, 1))


def test_a_rule_that_runs_a_function_names_it() -> None:
    assert "inbound[0]: 'lambda' is a required property" in complaint(GOOD.replace("BOUNCE", "RUN_LAMBDA", 1))


def test_json_is_complained_of_by_line_too() -> None:
    assert complaint('{"inbound": [\n', is_json=True) == "FILE:2: Expecting value"
    text = json.dumps({"inbound": [rule(), rule(name="s", senders=["a b"])]}, indent="\t")
    found = complaint(text, is_json=True)
    line = 1 + next(number for number, line in enumerate(text.splitlines()) if '"a b"' in line)
    assert found.startswith(f"FILE:{line}: inbound[1].senders[0]: 'a b' is no pattern")
    assert complaint('{"inbound": [], "inbound": []}', is_json=True) == "FILE:1: inbound: is given twice"


def test_all_faults_are_named_at_once() -> None:
    found = complaint(GOOD.replace("*.evil.example", "*.*").replace("ann@", "a+n@")).splitlines()
    assert found[0] == "FILE: 2 faults"
    assert ["FILE:4: inbound[0].senders[0]" in found[1], "FILE:11: inbound[1].recipients[0]" in found[2]] == [
        True,
        True,
    ]


def test_an_organization_has_a_thousand_sender_patterns() -> None:
    def rules(count: int) -> str:
        senders = [f"a{number}.example" for number in range(count)]
        parts = [senders[start : start + 250] for start in range(0, count, 250)]
        return json.dumps({"inbound": [rule(name=f"r{n}", senders=part) for n, part in enumerate(parts)]})

    assert len(parse(rules(MAX_PATTERNS), "FILE").rules) == 4
    assert "1001 sender patterns together" in complaint(rules(MAX_PATTERNS + 1))
    assert "senders: has 251 entries; 250 are allowed" in complaint(
        json.dumps({"inbound": [rule(senders=["a.b"] * 251)]})
    )


def test_a_file_that_is_not_there_or_not_utf8_is_used_wrongly(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("inbound: [ö]".encode("latin-1"))
    for name in ("gone.yaml", "latin.yaml"):
        with pytest.raises(UsageError, match=f"{name} cannot be read"):
            rules_file.read(tmp_path / name)


def test_json_goes_by_the_name(tmp_path: Path) -> None:
    for name, text in (("r.yaml", GOOD), ("r.yml", GOOD), ("R.JSON", json.dumps(yaml.safe_load(GOOD)))):
        (tmp_path / name).write_text(text, "utf-8")
        assert rules_file.read(tmp_path / name).rules[0] == EVIL
    (tmp_path / "r.json").write_text(GOOD, "utf-8")
    with pytest.raises(UsageError, match=r"r\.json:1: Expecting value"):
        rules_file.read(tmp_path / "r.json")


def test_a_control_character_in_json_is_a_fault_of_its_place() -> None:
    text = json.dumps({"inbound": [rule(name="a\x7fb")]}, ensure_ascii=False, indent=0)
    assert complaint(text, is_json=True) == (
        "FILE:4: inbound[0].name: must be one line without control characters (in YAML, >- folds lines)"
    )


LINES = st.text(
    st.sampled_from(" aB1.0~=ö\u00a0\ufeff\u0301中😀:#'\"-*&!|>%@`{}[],?\\"), min_size=1, max_size=40
) | st.sampled_from(
    [
        "yes",
        "null",
        "~",
        "1e3",
        "2026-01-01",
        "<<",
        "=",
        "on",
        "0x1F",
        "? a",
        "- a",
        "a: b",
        "a #b",
        "long " * 49,
        "\uffff",
    ]
)
NAMES = LINES.map(lambda text: text[:64].strip(" ")).filter(bool)
PATTERNS = st.sampled_from(["*", "*.example.com", "example.com", "ann@example.com", "no@example.org", "1.2"])


FUNCTIONS = st.sampled_from(
    ["null", "1e3", "on", "1:2", "tag-subjects:live", "arn:aws:lambda:us-east-1:123456789012:function:f", "_-"]
)


@st.composite
def written(draw: st.DrawFn) -> WrittenRule:
    patterns = st.lists(PATTERNS, min_size=1, unique=True).map(tuple)
    direction = draw(st.sampled_from(Direction))
    shape = f"{direction.capitalize()}MailFlow"
    action = draw(st.sampled_from(SHAPES[f"{shape}ActionType"]["enum"]))
    call = gateway = None
    if action == "RUN_LAMBDA":
        call = WrittenCall(function=draw(FUNCTIONS), synchronous=draw(st.booleans()))
        if call.synchronous:
            fallback = draw(st.sampled_from(SHAPES[f"{shape}FallbackAction"]["enum"]))
            call = replace(call, fallback=fallback, timeout_minutes=draw(st.integers(0, 240)))
            if direction is Direction.OUTBOUND:
                gateway = draw(NAMES if fallback == "SMTP_GATEWAY" else st.just("") | NAMES)
    elif action == "SMTP_GATEWAY":
        gateway = draw(NAMES)
    return WrittenRule(
        direction=direction,
        name=draw(NAMES),
        description=draw(st.just("") | LINES),
        senders=draw(patterns),
        recipients=("*",) if call and call.synchronous else draw(patterns),
        action=action,
        call=call,
        bounce_message=draw(st.just("") | LINES) if action == "BOUNCE" else "",
        gateway=gateway or "",
    )


@settings(deadline=None)
@given(st.lists(written(), max_size=6, unique_by=lambda rule: rule.key), st.booleans())
def test_a_written_file_is_read_and_written_again_byte_for_byte(rules: list[WrittenRule], is_json: bool) -> None:
    text = dump(rules, as_json=is_json)
    read = parse(text, "FILE", is_json=is_json).rules
    assert sorted(read, key=lambda rule: rule.key) == sorted(rules, key=lambda rule: rule.key)
    assert dump(read, as_json=is_json) == text
    jsonschema.validate(json.loads(dump(rules, as_json=True)), SCHEMA)


def test_the_example_is_one_that_needs_no_warning() -> None:
    read = rules_file.read(rules_file.SCHEMA.with_name("rules.example.yaml")).rules
    assert {rule.action for rule in read} == {"DROP", "DEFAULT", "BOUNCE", "BYPASS_SPAM_CHECK"}
    assert not warnings(read)


def test_the_starters_example_calls_functions_that_they_have() -> None:
    starters = repository_root() / "functions" / "starters"
    read = rules_file.read(starters / "rules.example.yaml").rules
    assert not warnings(read)
    made = (starters / "template.yaml").read_text("utf-8")
    called = [rule.call.function for rule in read if rule.call]
    assert len(called) == len(read) == 2
    assert all(f"\n  {name}:\n    Type: AWS::Serverless::Function\n" in made for name in called)


@pytest.mark.parametrize("direction", Direction)
def test_the_schema_is_one_and_has_the_apis_limits(direction: Direction) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    defined, shape = SCHEMA["$defs"], f"{direction.capitalize()}MailFlow"
    rule_, call = (defined[f"{direction.lower()}{what}"]["properties"] for what in ("Rule", "Lambda"))
    assert sorted(rule_["action"]["enum"]) == sorted(extra_operations.SHAPES[f"{shape}ActionType"]["enum"])
    assert call["fallback"]["enum"] == SHAPES[f"{shape}FallbackAction"]["enum"]
    assert defined["senders"]["maxItems"] == defined["recipients"]["maxItems"] == MAX_PATTERNS_OF_A_RULE
    assert SCHEMA["properties"][direction.lower()]["maxItems"] == MAX_PATTERNS
    timeout, minutes = SHAPES["MailFlowRuleTimeout"], defined["timeoutMinutes"]
    assert (minutes["minimum"], minutes["maximum"]) == (timeout["min"], timeout["max"])
    lengths = {
        "MailFlowRuleName": defined["name"]["maxLength"],
        "MailFlowRuleDescription": defined["description"]["maxLength"],
        "MailFlowBounceMessage": defined["bounceMessage"]["maxLength"],
        "MailFlowFunctionArn": defined["function"]["maxLength"],
        "MailFlowPattern": defined["pattern"]["maxLength"],
        "SmtpGatewayName": defined["gateway"]["maxLength"],
    }
    assert lengths == {name: SHAPES[name]["max"] for name in lengths}
