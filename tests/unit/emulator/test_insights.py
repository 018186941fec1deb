"""What the local stack executes of the query language, and that it refuses the rest by name."""

from __future__ import annotations

import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.emulator.insights import Event, QueryError, run
from local.emulator.insights.run import MAX_ROWS

NOON = 1_795_521_600_000  # 2026-11-24, noon UTC

EVENTS = [
    Event(NOON, json.dumps({"user": "ann", "ms": 12, "ok": True, "to": ["a@x.test", "b@x.test"], "gone": None})),
    Event(NOON + 61_000, json.dumps({"user": "bob", "ms": 7.5, "ok": False, "deep": {"er": "x|y"}}), stream="s2"),
    Event(NOON + 62_000, json.dumps({"user": "ann", "ms": "30", "a-b": 1})),
    Event(NOON + 63_000, "GET /inbox took=15 user=cy", stream="s1", log="123456789012:g", pointer="p4"),
]


def ask(query: str, events: list[Event] | None = None) -> list[dict[str, Any]]:
    rows = run(query, EVENTS if events is None else events).rows
    return [{name: value for name, value in row.items() if name != "@ptr"} for row in rows]


def users(condition: str) -> list[Any]:
    return [row.get("user") for row in ask(f"fields user | sort @timestamp asc | filter {condition}")]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ('user = "ann"', ["ann", "ann"]),
        ("user = 'bob'", ["bob"]),
        ('user != "ann"', ["bob"]),
        ("ms > 10", ["ann", "ann"]),
        ("ms >= 12 and ms < 30", ["ann"]),
        ("ms = 30", ["ann"]),
        ('ms = "7.5"', ["bob"]),
        ("ok = 1", ["ann"]),
        ('user like "n"', ["ann", "ann"]),
        ('user like "a.n"', []),
        ("user like /(?i)^A/", ["ann", "ann"]),
        ("user =~ /^b|^c/", ["bob"]),
        ("user not like /n/", ["bob", None]),
        ('user in ["bob", "cy"]', ["bob"]),
        ('user not in ["bob"]', ["ann", "ann", None]),
        ("ms in [12, 30]", ["ann", "ann"]),
        ("not ispresent(user)", [None]),
        ("not (user = 'ann' or user = 'bob')", [None]),
        ("user = 'bob' or user = 'ann' and ms = 12", ["ann", "bob"]),
        ('USER = "ann"', []),
        ("gone = 1 or not ispresent(gone) and user = 'bob'", ["bob"]),
        ('deep.er = "x|y"', ["bob"]),
        ('to.1 like "b@"', ["ann"]),
        ("`a-b` = 1", ["ann"]),
        ("@message like /took/ # what a comment | says is nothing", [None]),
        ("@timestamp >= 1795521662000", ["ann", None]),
        ('@logStream = "s2"', ["bob"]),
        ('NOT user LIKE "n" AND user IN ["bob"]', ["bob"]),
    ],
)
def test_conditions(condition: str, found: list[Any]) -> None:
    assert users(condition) == found


def test_several_filters_are_all_held() -> None:
    assert ask("fields ms | filter user = 'ann' | where ms > 20") == [{"ms": "30"}]


def test_without_fields_an_event_is_its_time_and_its_text_the_newest_first() -> None:
    (row, *rest) = run("filter @message like /./", EVENTS).written()
    assert row == [
        {"field": "@timestamp", "value": "2026-11-24 12:01:03.000"},
        {"field": "@message", "value": "GET /inbox took=15 user=cy"},
        {"field": "@ptr", "value": "p4"},
    ]
    assert len(rest) == 3


def test_fields_add_up_may_have_names_and_display_has_the_last_word() -> None:
    assert ask("fields user as who | fields ms | filter who = 'bob'") == [{"who": "bob", "ms": 7.5}]
    assert ask("fields user, ms | display user | display ms | filter user = 'bob'") == [{"ms": 7.5}]
    assert ask("fields @log, @logStream | limit 1") == [{"@log": "123456789012:g", "@logStream": "s1"}]


def test_sorting_is_natural_and_numbers_come_last() -> None:
    values = ["0#", 3, "5A", "111A", "A", "@", "!", "01", 2.5, None]
    events = [Event(NOON, json.dumps({"v": value})) for value in values]
    found = [row.get("v") for row in ask("fields v | sort v asc", events)]
    assert found == [None, "!", "0#", "5A", "111A", "@", "A", "01", 2.5, 3]
    assert [row.get("v") for row in ask("fields v | sort v desc", events)] == found[::-1]


def test_sorting_by_two_fields() -> None:
    rows = ask("fields user, ms | sort user desc, ms asc | filter ispresent(user)")
    assert [(row["user"], row["ms"]) for row in rows] == [("bob", 7.5), ("ann", 12), ("ann", "30")]


def test_aggregates() -> None:
    query = "stats count(*), count(ms) as n, count_distinct(user) as who, sum(ms) as s, avg(ms) as a, min(ms), max(ms)"
    assert ask(query) == [
        {"count(*)": 4, "n": 3, "who": 2, "s": 49.5, "a": 16.5, "min(ms)": 7.5, "max(ms)": "30"},
    ]
    assert ask("stats avg(ms), count(*), sum(ms) | filter user = 'cy'") == [{"count(*)": 0, "sum(ms)": 0}]


def test_groups_come_by_fields_and_by_periods() -> None:
    assert ask("stats count(*) as n by user | sort n desc, user asc") == [
        {"user": "ann", "n": 2},
        {"n": 1},
        {"user": "bob", "n": 1},
    ]
    found = run("stats count(*) as n by bin(1m) | sort `bin(1m)` asc", EVENTS).written()
    assert [[cell["value"] for cell in row] for row in found] == [
        ["2026-11-24 12:00:00.000", "1"],
        ["2026-11-24 12:01:00.000", "3"],
    ]
    assert ask("stats count(*) as n by bin(1h) as hour, user | filter n > 1")[0]["user"] == "ann"
    assert ask("stats count(*) as n by user | stats max(n) as most") == [{"most": 2}]


def test_a_filter_after_stats_applies_to_aggregates_or_else_to_events() -> None:
    assert ask("stats count(*) as n by user | filter n = 2 and user = 'ann'") == [{"user": "ann", "n": 2}]
    assert ask("stats count(*) as n by user | filter ms < 20 | filter n = 1 | sort user asc | display user") == [
        {"user": "ann"},
        {"user": "bob"},
    ]
    with pytest.raises(QueryError, match="ms and an aggregate in one filter"):
        ask("stats count(*) as n by user | filter ms < 20 and n = 1")


def test_parse_takes_parts_of_a_text() -> None:
    glob = 'parse @message "took=* user=*" as took, who | filter ispresent(took) | fields who, took'
    assert ask(glob) == [{"who": "cy", "took": "15"}]
    regex = r"parse @message /^(?<verb>\w+) \/(?<path>\S+)/ | filter verb = 'GET' | display path, verb"
    assert ask(regex) == [{"path": "inbox", "verb": "GET"}]
    assert ask("parse user '*n' as first | stats count(*) by first | filter ispresent(first)") == [
        {"first": "a", "count(*)": 2}
    ]


def test_dedup_keeps_the_first_of_equal_ones_and_all_that_lack_the_field() -> None:
    rows = ask("fields user, ms | sort @timestamp asc | dedup user")
    assert [row.get("user") for row in rows] == ["ann", "bob", None]
    assert ask("fields user | sort @timestamp asc | dedup user | limit 1") == [{"user": "ann"}]


def test_an_answer_has_no_more_rows_than_query_caller_and_default_say() -> None:
    many = [Event(NOON + n, "x") for n in range(MAX_ROWS + 1)]
    assert len(run("fields @timestamp", many).rows) == MAX_ROWS
    assert len(run("fields @timestamp | limit 7", many, 5).rows) == 5
    assert run("filter @message = 'x' | limit 1", many).matched == MAX_ROWS + 1


@pytest.mark.parametrize(
    "message", ["{", '{"a":' * 100_000, "[1]", "{}", '{"@message": "no"}', '{"a": NaN, "b": 1e999}']
)
def test_any_text_is_an_event(message: str) -> None:
    (row,) = run("fields @message, a, b | sort a asc, b desc", [Event(NOON, message)]).written()
    assert row[0] == {"field": "@message", "value": message}


@pytest.mark.parametrize(
    ("query", "word", "name"),
    [
        ("", "", "a command is missing"),
        ("fields @timestamp |", "", "a command is missing"),
        ("fields a || limit 1", "|", "a command is missing"),
        ("pattern @message", "pattern", "the command pattern"),
        ("SOURCE logGroups()", "SOURCE", "the command SOURCE"),
        ("fields a | unmask a", "unmask", "the command unmask"),
        ("fields strlen(a)", "strlen", "the function strlen"),
        ("filter isValidIp(a)", "isValidIp", "the function isValidIp"),
        ("filter a = b", "b", "unexpected symbol found b: filter expects a number"),
        ("filter a", "filter", "filter ends where"),
        ("filter and = 1", "and", "expects a field"),
        ("filter a like b", "b", "unexpected symbol found b"),
        ("filter a like /(/", "/(/", "is not a regular expression"),
        ("filter a = 1 b", "b", "unexpected symbol found b in filter"),
        ("filter (a = 1", "filter", "filter ends where )"),
        ("filter a in b", "b", "unexpected symbol found b"),
        ("fields a + b", "+", "unexpected symbol found +"),
        ("fields a-b", "-b", "unexpected symbol found -b"),
        ('fields "a"', '"a"', "expects a name"),
        ("stats pct(a, 90)", "pct", "the aggregate pct"),
        ("stats count(*) by bin(1mo)", "1mo", "unexpected symbol found 1mo"),
        ("stats count(*) by bin(0s)", "0s", "no length"),
        ("stats count(*) by datefloor(@timestamp, 1h)", "datefloor", "the function datefloor"),
        ("sort a", "sort", "sort ends where asc or desc"),
        ("sort a up", "up", "unexpected symbol found up"),
        ("limit x", "x", "unexpected symbol found x"),
        ("limit 0", "0", "is not from 1"),
        ("limit 1.5", "1.5", "is not from 1"),
        ("filter " + "(" * 5000, "filter " + "(" * 5000, "nested too deeply"),
        ("filter a = " + "1" * 5000, "1" * 5000, "too many digits"),
        ("limit " + "1" * 5000, "1" * 5000, "is not from 1"),
        ("filter a like /a{99999999999999999999}/", "/a{99999999999999999999}/", "is not a regular expression"),
        ("limit 10 | filter a = 1", "filter", "filter after limit"),
        ("limit 10 | display a | sort a asc", "sort", "sort after limit"),
        ("dedup a | stats count(*)", "stats", "stats after dedup"),
        ("parse @message '*' as a, b", "'*'", "has 1 * and 2 names"),
        ("parse @message /(a)/", "parse", "groups, all of them with names"),
        ("parse '*' as a", "'*'", "expects a name"),
    ],
)
def test_a_part_that_is_not_executed_is_refused_by_its_name(query: str, word: str, name: str) -> None:
    with pytest.raises(QueryError, match=re.escape(name)) as caught:
        run(query, EVENTS)
    assert query[caught.value.start : caught.value.end] == word


WORDS = (
    *("fields", "filter", "stats", "sort", "limit", "parse", "display", "dedup", "|", "|", "by", "as", "like", "in"),
    *("and", "or", "not", "(", ")", "[", "]", ",", "*", "=", "<", "asc", "desc", "count(*)", "bin(1h)", "ispresent"),
    *("user", "ms", "to.0", "@timestamp", "@message", '"ann"', "'*'", "/a(?<b>.)/", "12", "avg(ms)", "max(user)"),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["user", "ms", "to"]), inner),
    max_leaves=6,
)


@given(st.lists(st.sampled_from(WORDS), max_size=14).map(" ".join) | st.text(), st.lists(JSON, max_size=3))
def test_any_query_over_any_events_is_answered_in_text_or_refused(query: str, values: list[Any]) -> None:
    events = [Event(NOON, json.dumps({"user": value, "ms": value})) for value in values]
    with contextlib.suppress(QueryError):
        answer = run(query, events)
        assert all(isinstance(cell["value"], str) for row in answer.written() for cell in row)
