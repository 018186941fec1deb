"""Batches of audit lines within the limits of log groups, Firehose streams and our objects; no emulator has any."""

from __future__ import annotations

import gzip
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postroom.contracts import audit_objects, firehose_batches, log_batches
from postroom.contracts.audit_batches import batches, too_long
from postroom.contracts.audit_objects import content, key_of
from postroom.contracts.log_batches import EDGE_MS, TOO_NEW_MS, TOO_OLD_MS, aged
from postroom.model.audit_deliveries import DestinationKind, OutputFormat
from postroom.model.audit_targets import Place
from postroom.model.limits import DAY_MS
from postroom.model.log_lines import LogLine
from tests.support.audit_deliveries import delivery
from tests.support.audit_writing import NOON, ORGANIZATION

PLACE = Place("aws", "eu-west-1", "111122223333")


def line(name: str, at_ms: int = NOON, size: int = 1) -> LogLine:
    return LogLine(name, at_ms, "x" * size)


texts = st.one_of(
    st.text(max_size=20),
    st.integers(0, firehose_batches.MAX_RECORD_BYTES - 1).map("x".__mul__),
    st.integers(0, firehose_batches.MAX_RECORD_BYTES // 3 - 1).map("\u20ac".__mul__),
)
times = st.one_of(st.integers(NOON, NOON + 10), st.integers(NOON - DAY_MS, NOON + DAY_MS))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(times, texts), max_size=40))
def test_calls_of_firehose_stay_within_every_limit_and_lose_nothing(given_: list[tuple[int, str]]) -> None:
    lines = [LogLine(str(place), at, text) for place, (at, text) in enumerate(given_)]
    cut = list(batches(DestinationKind.FIREHOSE, lines))
    assert [each for batch in cut for each in batch] == lines
    for batch in cut:
        sizes = [len(each.text.encode()) + 1 for each in batch]
        assert 1 <= len(batch) <= 500
        assert sum(sizes) <= 4 * 1024 * 1024
        assert max(sizes) <= 1_000 * 1024


def test_a_call_of_firehose_is_filled_to_the_last_record_and_byte() -> None:
    assert [len(batch) for batch in firehose_batches.batches(line(str(n)) for n in range(501))] == [500, 1]
    half = 512 * 1024
    lines = [line(str(n), size=half - 1) for n in range(8)]
    assert [len(batch) for batch in firehose_batches.batches(lines)] == [8]
    assert [len(batch) for batch in firehose_batches.batches([*lines[:7], line("i", size=half)])] == [7, 1]


def test_every_record_of_firehose_ends_with_one_newline() -> None:
    assert (
        firehose_batches.record_of(LogLine("a", NOON, '{"user":"gr\u00fc\u00dfe"}'))
        == b'{"user":"gr\xc3\xbc\xc3\x9fe"}\n'
    )


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        (DestinationKind.CLOUDWATCH_LOGS, 262_144 - 26),
        (DestinationKind.FIREHOSE, 1_000 * 1024 - 1),
    ],
)
def test_a_line_that_no_call_can_have_is_told_apart_to_the_byte(kind: DestinationKind, limit: int) -> None:
    lines = [
        line("fits", size=limit),
        line("longer", size=limit + 1),
        LogLine("wide", NOON, "\u20ac" * (limit // 3 + 1)),
    ]
    refused = too_long(kind, lines)
    assert refused.keys() == {"longer", "wide"}
    assert all(refusal.final for refusal in refused.values())
    assert not too_long(DestinationKind.S3, lines)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(NOON - DAY_MS, NOON + DAY_MS), texts), max_size=40))
def test_an_object_has_the_lines_of_one_hour_and_a_bounded_size(given_: list[tuple[int, str]]) -> None:
    lines = [LogLine(str(place), at, text) for place, (at, text) in enumerate(given_)]
    cut = list(batches(DestinationKind.S3, lines))
    assert [each for batch in cut for each in batch] == sorted(lines, key=lambda each: each.at_ms)
    for batch in cut:
        assert len({each.at_ms // 3_600_000 for each in batch}) == 1
        assert len(batch) == 1 or sum(len(each.text.encode()) + 1 for each in batch) <= audit_objects.MAX_OBJECT_BYTES


def test_an_object_is_lines_with_a_header_and_the_same_bytes_each_time() -> None:
    lines = [LogLine("a", NOON, "1 2"), LogLine("b", NOON, "3 \u00fc")]
    body = content(("#Version: 1.0", "#Fields: x y"), lines)
    assert gzip.decompress(body).decode() == "#Version: 1.0\n#Fields: x y\n1 2\n3 \u00fc\n"
    assert content(("#Version: 1.0", "#Fields: x y"), lines) == body


def test_records_that_a_deliverys_fields_do_not_tell_apart_are_objects_of_their_own() -> None:
    keys = {key_of(delivery(), ORGANIZATION, PLACE, [line(name)], b"a") for name in ("a", "b")}
    assert len(keys) == 2


def test_names_of_objects_are_those_of_their_content() -> None:
    def name(body: bytes, output_format: OutputFormat = OutputFormat.JSON) -> str:
        return key_of(delivery(output_format=output_format), ORGANIZATION, PLACE, [line("a")], body)

    assert name(b"a") == name(b"a") != name(b"b")
    assert re.fullmatch(
        f"AWSLogs/111122223333/WorkMail/eu-west-1/{ORGANIZATION}/WORKMAIL_MAILBOX_ACCESS_LOGS/2026/11/18/11/"
        "111122223333_WorkMail_eu-west-1_20261118T11Z_[0-9a-f]{32}.json.gz",
        name(b"a"),
    )
    assert [name(b"a", each).partition(".")[2] for each in OutputFormat] == ["json.gz", "log.gz", "log.gz"]


@pytest.mark.parametrize("retention_ms", [None, DAY_MS])
def test_lines_are_told_apart_by_their_time(retention_ms: int | None) -> None:
    oldest, newest = NOON - (retention_ms or TOO_OLD_MS), NOON + TOO_NEW_MS
    lines = [
        line("too old", oldest - EDGE_MS - 1),
        line("perhaps too old", oldest - EDGE_MS),
        line("perhaps old enough", oldest + EDGE_MS - 1),
        line("old", oldest + EDGE_MS),
        line("now", NOON),
        line("new", newest - EDGE_MS),
        line("perhaps new enough", newest - EDGE_MS + 1),
        line("perhaps too new", newest + EDGE_MS),
        line("too new", newest + EDGE_MS + 1),
    ]
    told = aged(reversed(lines), NOON, retention_ms)
    assert [each.id for each in told.too_old] == ["too old"]
    assert [each.id for each in told.alone] == [
        "perhaps too old",
        "perhaps old enough",
        "perhaps new enough",
        "perhaps too new",
    ]
    assert [each.id for each in told.certain] == ["old", "now", "new"]
    assert [each.id for each in told.too_new] == ["too new"]


def test_a_retention_longer_than_the_services_own_limit_changes_nothing() -> None:
    assert aged([line("a", NOON - 15 * DAY_MS)], NOON, 400 * DAY_MS).too_old


def test_each_kind_has_its_cut() -> None:
    lines = [line(str(n)) for n in range(501)]
    assert {kind: len(list(batches(kind, lines))) for kind in DestinationKind} == {
        DestinationKind.CLOUDWATCH_LOGS: 1,
        DestinationKind.S3: 1,
        DestinationKind.FIREHOSE: 2,
    }
    assert log_batches.MAX_BATCH_LINES == 10_000
