"""`postroom export`, on template.yaml in this process."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING, Any, Final

import pytest

from cli import running, stack_outputs
from cli.commands import export
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from postroom.bootstrap.operator import build
from tests.support.in_process import InProcessStack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run

ADA: Final = "ada@sample.example"
DOCUMENTED: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
PLAIN: Final = repository_root() / "events" / "messages" / "plain.eml"


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        samples = Samples.read(repository_root() / "events")
        runner = SampleRunner.of(stack, samples)
        for name in ("ingest", "ingest_spam", "deliver", "deliver_junk"):
            assert not runner.run(samples.by_name[name], name.split("_")[0]).wrong
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)


def rows(output: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(output)
    return read


def test_a_mailbox_is_a_zip_archive_with_the_exact_bytes(run: Run, tmp_path: Path) -> None:
    result = run("export", ADA, "--to", tmp_path / "to", "--json")
    assert result.exit_code == 0, result.exception
    (row,) = rows(result.output)
    path = tmp_path / "to" / f"{ADA}.zip"
    with zipfile.ZipFile(path) as archive:
        mail = {each: archive.read(each) for each in archive.namelist() if each.endswith(".eml")}
    assert row == {
        "mailbox": ADA,
        "path": str(path),
        "state": "exported",
        "items": 2,
        "bytes": sum(map(len, mail.values())),
        "missing": 0,
        "why": "",
    }
    assert {name.split("/")[0] for name in mail} == {"Inbox", "Junk Email"}
    assert PLAIN.read_bytes() in mail.values()
    documented = DOCUMENTED.partition("## export\n")[2].partition("\n## ")[0]
    assert all(f"`{name}`" in documented for name in row)


def test_status_fields_are_in_mbox_files_if_asked_for(run: Run, tmp_path: Path) -> None:
    for options in ([], ["--status-fields"]):
        to = tmp_path / "".join(options)
        assert run("export", ADA, "--format", "mbox", "--to", to / "x", *options).exit_code == 0
        content = (to / "x" / f"{ADA}.mbox" / "Inbox.mbox").read_bytes()
        assert (b"\nStatus: O\r\n" in content) == bool(options)


def test_an_export_that_is_there_is_left(run: Run, tmp_path: Path) -> None:
    run("export", ADA, "--to", tmp_path)
    before = (tmp_path / f"{ADA}.zip").stat()
    result = run("export", ADA, "ada.berg@sample.example", "--to", tmp_path)
    assert result.exit_code == 0, result.exception
    assert [line.split()[0] for line in result.output.splitlines()] == ["mailbox", ADA], "one user by two addresses"
    assert "there" in result.output
    assert (tmp_path / f"{ADA}.zip").stat() == before


@pytest.mark.parametrize("format_", ["mbox", "maildir"])
def test_all_mailboxes_are_exported_in_each_format_and_come_back(run: Run, tmp_path: Path, format_: str) -> None:
    result = run("export", "--all", "--format", format_, "--to", tmp_path, "--json")
    assert result.exit_code == 0, result.exception
    found = {row["mailbox"]: row for row in rows(result.output)}
    assert len(found) > 1
    assert {(row["state"], row["missing"]) for row in found.values()} == {("exported", 0)}
    assert {each.name for each in tmp_path.iterdir()} == {f"{name}.{format_}" for name in found}
    again = run("import", ADA, tmp_path / f"{ADA}.{format_}", "--dry-run", "--json")
    assert again.exit_code == 0, again.exception
    assert sum(row["read"] for row in rows(again.output)) == found[ADA]["items"] == 2
    assert sum(row["readBytes"] for row in rows(again.output)) == found[ADA]["bytes"]


def test_what_stops_one_mailbox_does_not_stop_the_next(run: Run, tmp_path: Path) -> None:
    run("export", ADA, "--to", tmp_path)
    (tmp_path / f"{ADA}.zip").unlink()
    part = tmp_path / f"{ADA}.zip.part"
    part.mkdir()
    (part / "journal").write_text('{"format":"zip","mailbox_id":"another","started":0}\n')
    result = run("export", "--all", "--organization", "sample", "--to", tmp_path, "--json")
    states = {row["mailbox"]: row["state"] for row in rows(result.output)}
    assert states.pop(ADA) == "stopped"
    assert set(states.values()) == {"exported"}
    assert isinstance(result.exception, RefusedError)
    assert "is an unfinished export of another mailbox" in str(result.exception)


def test_an_item_that_is_not_there_is_said_and_ends_with_status_1(
    run: Run, tmp_path: Path, stack: InProcessStack
) -> None:
    s3, bucket = stack.client("s3"), stack.settings()["MAIL_BUCKET"]
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket, Prefix="mail/")["Contents"]]
    kept = {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in keys}
    for key in keys:
        s3.delete_object(Bucket=bucket, Key=key)
    result = run("export", ADA, "--to", tmp_path)
    for key, body in kept.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception) == "2 items could not be read; the manifests name them"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([ADA, "--format", "pst"], "--format must be one of zip, mbox, maildir"),
        ([], "name users, or all with --all; --organization needs --all"),
        ([ADA, "--all"], "name users, or all with --all; --organization needs --all"),
        ([ADA, "--status-fields"], "--status-fields is for mbox files"),
        ([ADA, "--organization", "sample"], "name users, or all with --all; --organization needs --all"),
    ],
)
def test_wrong_use_is_said_before_anything_is_read(run: Run, tmp_path: Path, arguments: list[str], said: str) -> None:
    wrong = run("export", *arguments, "--to", tmp_path / "to").exception
    assert isinstance(wrong, UsageError)
    assert str(wrong) == said
    assert not (tmp_path / "to").exists()


def test_an_unknown_user_ends_the_command_before_any_export(run: Run, tmp_path: Path) -> None:
    unknown = run("export", ADA, "nobody@sample.example", "--to", tmp_path / "to").exception
    assert str(unknown) == "no user has the address nobody@sample.example"
    assert not (tmp_path / "to").exists()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_a_stop_says_how_to_go_on(
    run: Run, tmp_path: Path, error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*_: Any) -> None:
        raise error

    monkeypatch.setattr(export, "_export", stop)
    stopped = run("export", ADA, "--to", tmp_path).exception
    assert isinstance(stopped, RefusedError)
    assert str(stopped).startswith(str(tmp_path / f"{ADA}.zip"))
    assert str(stopped).endswith("; run the same command again to go on")


def test_the_outputs_of_a_deployed_stack_are_enough_for_an_export() -> None:
    operator = build(dict.fromkeys(stack_outputs.SETTINGS, "arn:aws:kms:us-east-1:123456789012:key/1"))
    for tool in ("directory", "records", "owners", "mailboxes", "sealed_reads", "keys"):
        assert getattr(operator, tool) is not None


def test_an_address_that_is_no_name_of_a_file_has_the_id_beside() -> None:
    from postroom.model.directory import EntityKind, EntityState
    from postroom.model.records import Entity

    known = {"organization_id": "m-1", "id": "id-1", "kind": EntityKind.USER, "state": EntityState.ENABLED}
    entity = Entity(**known, name="ada", created=0, email="Ada/O'Neil@sample.example")  # type: ignore[arg-type]
    assert export._name(entity, "id-1") == "ada_o'neil@sample.example id-1"
    assert export._name(None, "id-1") == "id-1 id-1"
