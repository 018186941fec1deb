"""Athena's tables and the examples of docs/audit.md, on the objects that our own writer stores.

Each kind of record is read from 40 objects of which only the last has the keys that are mostly absent.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa
import pytest
from pyarrow.dataset import JsonFileFormat, dataset
from pyarrow.json import ParseOptions

from postroom.contracts import audit_formats
from postroom.contracts.audit_columns import Column, column
from postroom.contracts.audit_log import FIELDS, AuditRecord
from postroom.model.audit_deliveries import DestinationKind, LogType
from postroom.model.audit_findings import FindingKind
from postroom.model.limits import HOUR_MS
from postroom.model.log_lines import LogLine
from postroom.ports.audit_destinations import AuditBatch
from tests.support.audit_targets import ACCOUNT, BUCKET, REGION, Targets, delivery_to
from tests.support.builders import NOON, ORG

if TYPE_CHECKING:
    from tests.support.stack import Stack

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = (ROOT / "docs" / "audit.md").read_text("utf-8")
FILES: Final = 40
"""More than DuckDB looks at (32)."""

TABLES: Final = {
    LogType.ACCESS_CONTROL: "access_control",
    LogType.AUTHENTICATION: "authentication",
    LogType.AVAILABILITY_PROVIDER: "availability_provider",
    LogType.MAILBOX_ACCESS: "mailbox_access",
    LogType.PERSONAL_ACCESS_TOKEN: "personal_access_token",
}

RARE: Final = {
    LogType.ACCESS_CONTROL: ("impersonator_id", "rule_id"),
    LogType.AUTHENTICATION: ("auth_failed_reason", "personal_access_token_id"),
    LogType.AVAILABILITY_PROVIDER: ("ews_endpoint", "error_message"),
    LogType.MAILBOX_ACCESS: ("impersonator_id", "attachment_path"),
    LogType.PERSONAL_ACCESS_TOKEN: ("expires_time", "scopes"),
}

DUCKDB: Final = {Column.TEXT: "VARCHAR", Column.NUMBER: "BIGINT", Column.TRUTH: "BOOLEAN", Column.TEXTS: "VARCHAR[]"}
PYARROW: Final = {
    Column.TEXT: pa.string(),
    Column.NUMBER: pa.int64(),
    Column.TRUTH: pa.bool_(),
    Column.TEXTS: pa.list_(pa.string()),
}

each_log_type = pytest.mark.parametrize("log_type", LogType)


@dataclass(frozen=True)
class Table:
    """What a file of athena/ says: columns and partitions with their types, and the table's properties."""

    columns: dict[str, Column]
    partitions: list[str]
    properties: dict[str, str]

    @classmethod
    def read(cls, log_type: LogType) -> Table:
        names = {"BUCKET": BUCKET, "ACCOUNT": ACCOUNT, "REGION": REGION, "ORGANIZATION": ORG}
        text = (ROOT / "athena" / f"{TABLES[log_type]}.sql").read_text("utf-8").partition("CREATE")[2]
        text = re.sub("|".join(names), lambda found: names[found[0]], text)
        body = text.partition("(")[2].partition("\n)\n")[0]
        partitions = text.partition("PARTITIONED BY (")[2].partition(")")[0]
        return cls(
            {name: Column(kind) for name, kind in re.findall(r"`(\w+)`\s+([\w<>]+)", body)},
            re.findall(r"`(\w+)` string", partitions),
            dict(re.findall(r"'([\w.]+)' = '([^']*)'", text)),
        )

    def folder(self, datehour: str) -> str:
        """Return the prefix of keys that Athena reads for an hour."""
        location = self.properties["storage.location.template"]
        location = location.replace("${organization}", ORG).replace("${datehour}", datehour)
        return location.removeprefix(f"s3://{BUCKET}/")


def record(log_type: LogType, number: int) -> AuditRecord:
    """Return one of 40 records; the last has every key, the others all but the rare ones."""
    values: dict[Column, Any] = {
        Column.TEXT: f'text "{number}" Ü',
        Column.NUMBER: NOON + number,
        Column.TRUTH: number % 2 == 0,
        Column.TEXTS: ["EWS_FULL_ACCESS"],
    }
    rare = () if number == FILES - 1 else RARE[log_type]
    fields = {name: values[column(name)] for name in FIELDS[log_type] if name not in rare}
    return AuditRecord(f"{number:032x}", ORG, log_type, NOON + number, fields)


@pytest.fixture
def targets(stack: Stack) -> Targets:
    made = Targets(NOON)
    made.make()
    return made


def store(targets: Targets, log_type: LogType, records: list[AuditRecord]) -> None:
    delivery = delivery_to(DestinationKind.S3, log_type=log_type, record_fields=FIELDS[log_type])
    texts = zip(records, audit_formats.lines(records, delivery), strict=True)
    lines = [LogLine(one.id, one.at_ms, text) for one, text in texts]
    assert not targets.destination(DestinationKind.S3).put(delivery, AuditBatch(ORG, lines))


def downloaded(targets: Targets, folder: Path) -> list[str]:
    """Copy the bucket; return the names of the files."""
    for key, content in targets.objects(BUCKET).items():
        file = folder / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return sorted(map(str, folder.rglob("*.gz")))


@each_log_type
def test_a_table_has_every_key_with_its_type_in_the_order_of_records(log_type: LogType) -> None:
    table = Table.read(log_type)
    assert list(table.columns) == list(FIELDS[log_type])
    assert table.columns == {name: column(name) for name in FIELDS[log_type]}
    assert not set(table.partitions) & set(table.columns)
    projected = {name.split(".")[1] for name in table.properties if name.endswith(".type")}
    located = set(re.findall(r"\$\{(\w+)\}", table.properties["storage.location.template"]))
    assert projected == set(table.partitions) == located
    assert table.properties["projection.enabled"] == "true"


def test_there_is_a_table_for_each_log_type_and_no_other() -> None:
    assert {file.stem for file in (ROOT / "athena").iterdir()} == set(TABLES.values())
    assert TABLES.keys() == set(LogType)


@each_log_type
def test_objects_are_in_the_partitions_that_the_table_projects(targets: Targets, log_type: LogType) -> None:
    first, later = record(log_type, 1), record(log_type, 2)
    store(targets, log_type, [first])
    midnight = AuditRecord(later.id, ORG, log_type, NOON + 12 * HOUR_MS, later.fields)
    store(targets, log_type, [midnight])
    table = Table.read(log_type)
    assert table.properties["projection.datehour.format"] == "yyyy/MM/dd/HH"
    assert [key.rpartition("/")[0] + "/" for key in sorted(targets.objects(BUCKET))] == [
        table.folder("2026/11/24/12"),
        table.folder("2026/11/25/00"),
    ]


@each_log_type
def test_no_key_is_lost_to_readers_that_name_the_tables_columns(
    targets: Targets, tmp_path: Path, log_type: LogType
) -> None:
    records = [record(log_type, number) for number in range(FILES)]
    for one in records:
        store(targets, log_type, [one])
    files = downloaded(targets, tmp_path)
    assert len(files) == FILES
    table = Table.read(log_type)
    expected = [{name: one.fields.get(name) for name in FIELDS[log_type]} for one in records]

    columns = {name: DUCKDB[kind] for name, kind in table.columns.items()}
    named = duckdb.read_json(files, format="newline_delimited", columns=columns).order("event_timestamp")
    assert [dict(zip(named.columns, row, strict=True)) for row in named.fetchall()] == expected

    schema = pa.schema({name: PYARROW[kind] for name, kind in table.columns.items()})
    parse = ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
    read = dataset(files, format=JsonFileFormat(parse_options=parse), schema=schema).to_table()
    assert read.sort_by("event_timestamp").to_pylist() == expected


@pytest.mark.parametrize("log_type", [LogType.ACCESS_CONTROL])
def test_readers_that_name_no_columns_lose_keys_silently(targets: Targets, tmp_path: Path, log_type: LogType) -> None:
    """Where this fails, DuckDB or pyarrow does better than docs/audit.md says."""
    for number in range(FILES):
        store(targets, log_type, [record(log_type, number)])
    files = sorted(downloaded(targets, tmp_path), key=has_every_key)
    assert not set(RARE[log_type]) & set(duckdb.read_json(files, format="newline_delimited").columns)
    assert not set(RARE[log_type]) & set(dataset(files, format="json").to_table().column_names)


def has_every_key(file: str) -> bool:
    """Say whether a file has the last record."""
    return bool(json.loads(gzip.decompress(Path(file).read_bytes()))["event_timestamp"] == NOON + FILES - 1)


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", DOCS, re.DOTALL)
    return str(found)


def test_the_example_for_duckdb_reads_every_column(
    targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(LogType.ACCESS_CONTROL, number) for number in range(FILES)]
    for one in records:
        store(targets, LogType.ACCESS_CONTROL, [one])
    store(targets, LogType.AUTHENTICATION, [record(LogType.AUTHENTICATION, 1)])
    downloaded(targets, tmp_path)
    monkeypatch.chdir(tmp_path)
    found = duckdb.sql(block("sql"))
    assert found is not None
    assert found.columns == list(FIELDS[LogType.ACCESS_CONTROL])
    rows = found.fetchall()
    assert len(rows) == FILES
    assert rows[-1] == tuple(records[-1].fields.values())


def test_the_example_for_pyarrow_reads_every_column(
    targets: Targets, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [record(LogType.AUTHENTICATION, number) for number in range(FILES)]
    for one in records:
        store(targets, LogType.AUTHENTICATION, [one])
    downloaded(targets, tmp_path)
    monkeypatch.chdir(tmp_path)
    values: dict[str, Any] = {}
    exec(compile(block("python").replace("m-" + "0" * 32, ORG), "docs/audit.md", "exec"), values)  # noqa: S102
    table = values["table"].sort_by("event_timestamp")
    assert table.column_names == list(FIELDS[LogType.AUTHENTICATION])
    assert table.num_rows == FILES
    assert table.to_pylist()[-1] == dict(records[-1].fields)


@each_log_type
def test_every_key_has_an_attribute_of_ocsf(log_type: LogType) -> None:
    section = DOCS.partition(f"### {log_type}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (`.+) \|$", section, re.MULTILINE)
    assert [name for name, _ in rows] == list(FIELDS[log_type])
    assert all(attribute for _, attribute in rows)


def test_every_finding_of_a_verification_is_described() -> None:
    section = DOCS.partition("## Prove")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `([A-Z_]+)` \|", section, re.MULTILINE) == [each.value for each in FindingKind]
