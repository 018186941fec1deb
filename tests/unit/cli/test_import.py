"""`postroom import`, on template.yaml in this process."""

from __future__ import annotations

import io
import json
import re
import zipfile
from typing import TYPE_CHECKING, Any, Final

import pytest

from cli import running
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from postroom.adapters.aws import clients
from tests.support.builders import NOON
from tests.support.calendars import vcalendar, vevent
from tests.support.in_process import InProcessStack, deployed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .conftest import Run

ADA: Final = "ada@sample.example"
MEMBERS: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")
MAIL: Final = b"From: ben@sample.example\r\nSubject: %d\r\nDate: Tue, 24 Nov 2026 12:00:00 +0000\r\n\r\nbody %d\r\n"


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        samples = Samples.read(repository_root() / "events")
        assert not SampleRunner.of(stack, samples).run(samples.by_name["ingest"], "ingest").wrong
        yield stack


@pytest.fixture(autouse=True)
def found(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "find", lambda: stack)


def rows(output: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(output)
    return read


def tree(path: Path, *numbers: int, folder: str = "Inbox/Projects") -> Path:
    (path / folder).mkdir(parents=True)
    for number in numbers:
        (path / folder / f"{number}.eml").write_bytes(MAIL % (number, number))
    return path


def test_a_directory_is_imported_compared_and_its_bytes_come_back(run: Run, tmp_path: Path) -> None:
    source = tree(tmp_path / "tree", *range(60))
    (source / "Calendar").mkdir()
    (source / "Calendar" / "one.ics").write_bytes(vcalendar(vevent("imported", NOON)))
    before = run("import", ADA, source, "--dry-run")
    assert before.exit_code == 0, before.exception
    assert before.output.splitlines()[-1] == "folders to make: 1"
    result = run("import", ADA, source, "--json")
    assert result.exit_code == 0, result.exception
    by_folder = {row["folder"]: row for row in rows(result.output)}
    size = sum(len(MAIL % (number, number)) for number in range(60))
    assert by_folder["Inbox/Projects"] == {
        "folder": "Inbox/Projects",
        "read": 60,
        "readBytes": size,
        "added": 60,
        "addedBytes": size,
        "known": 0,
        "refused": 0,
        "found": 60,
        "foundBytes": size,
        "differing": 0,
        "problems": [],
    }
    assert (by_folder["Calendar"]["added"], by_folder["Calendar"]["found"]) == (1, 1)
    documented = MEMBERS.partition("## import\n")[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", documented, re.MULTILINE)) == set(by_folder["Calendar"])
    listed = rows(run("mailbox", "list", ADA, "--folder", "inbox/projects", "--json").output)
    assert {(row["subject"], row["date"]) for row in listed} == {
        (str(number), "2026-11-24T12:00:00.000Z") for number in range(60)
    }
    for row in listed[:2]:
        number = int(row["subject"])
        assert run("mailbox", "show", ADA, row["id"]).stdout_bytes == MAIL % (number, number)
    again = run("import", ADA, source)
    assert again.exit_code == 0, again.exception
    total = again.output.splitlines()[-1].split()
    assert total == ["in", "all", "61", *total[3:5], "0", "61", "0", "61", *total[3:5], "0"]


def test_what_is_refused_is_named_and_ends_with_status_1(run: Run, tmp_path: Path) -> None:
    source = tree(tmp_path / "tree", 100, folder="Inbox/Refused")
    (source / "Inbox" / "Refused" / "bad.ics").write_bytes(b"no calendar")
    (source / "notes.doc").write_bytes(b"no mail")
    result = run("import", ADA, source)
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception) == f"{source}: 1 items were refused, 0 differ"
    said = {tuple(line.split()[:2]) for line in result.output.splitlines()}
    assert {("Inbox/Refused/bad.ics", "refused"), ("notes.doc", "skipped")} <= said
    problems = [each for row in rows(run("import", ADA, source, "--json").output) for each in row["problems"]]
    assert {(each["source"], each["what"]) for each in problems} == {
        ("Inbox/Refused/bad.ics", "refused"),
        ("notes.doc", "skipped"),
    }


def test_a_hostile_archive_is_refused_with_the_reason_and_nothing_is_imported(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("Hostile/1.eml", MAIL % (1, 1))
        archive.writestr("../../2.eml", MAIL % (2, 2))
    result = run("import", ADA, path)
    assert isinstance(result.exception, RefusedError)
    assert str(result.exception).startswith(f"{path}: ")
    assert str(result.exception).endswith("; nothing was imported")
    assert result.output == ""
    assert "Hostile" not in {row["folder"] for row in rows(run("mailbox", "list", ADA, "--json").output)}


def test_a_full_mailbox_stops_the_import_with_numbers(run: Run, tmp_path: Path, stack: InProcessStack) -> None:
    from cli.commands.mailbox import find_mailbox

    operator = stack.operator()
    head = find_mailbox(operator, ADA)
    source = tree(tmp_path / "tree", 200, 201, folder="Inbox/Full")
    operator.mailboxes.set_quota(head.mailbox_id, head.size + len(MAIL % (200, 200)))
    result = run("import", ADA, source)
    assert isinstance(result.exception, RefusedError)
    assert "the mailbox is full: no room for the" in str(result.exception)
    assert "run the same command again" in str(result.exception)
    operator.mailboxes.set_quota(head.mailbox_id, head.quota_bytes)
    (row,) = [row for row in rows(run("import", ADA, source, "--json").output) if row["folder"] == "Inbox/Full"]
    assert (row["known"], row["added"], row["found"]) == (1, 1, 2)


def test_wrong_use_is_said_before_anything_is_read(run: Run, tmp_path: Path) -> None:
    assert isinstance(run("import", ADA, tmp_path / "gone").exception, UsageError)
    wrong = run("import", ADA, tmp_path, "--variant", "mboxx").exception
    assert str(wrong) == "--variant must be one of mboxo, mboxrd, mboxcl2"
    unknown = run("import", "nobody@sample.example", tmp_path).exception
    assert str(unknown) == "no user has the address nobody@sample.example"


@pytest.mark.parametrize("variant", ["mboxrd", "mboxo"])
def test_the_variant_of_an_mbox_file_is_declared(run: Run, tmp_path: Path, variant: str) -> None:
    path = tmp_path / f"{variant}.mbox"
    path.write_bytes(b"From ben Tue Nov 24 12:00:00 2026\nSubject: quoted\n\n>>From me\n\n")
    result = run("import", ADA, path, "--variant", variant, "--json")
    assert result.exit_code == 0, result.exception
    (listed,) = rows(run("mailbox", "list", ADA, "--folder", variant, "--json").output)
    meant = {"mboxrd": b">From me", "mboxo": b">>From me"}[variant]
    assert meant in run("mailbox", "show", ADA, listed["id"]).stdout_bytes.split(b"\n")


def test_an_archive_in_s3_is_imported_as_a_file_is(run: Run, stack: InProcessStack) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("From S3/1.eml", MAIL % (300, 300))
    clients.s3().create_bucket(Bucket="customers-exports")
    clients.s3().put_object(Bucket="customers-exports", Key="a/b.zip", Body=made.getvalue())
    (row,) = rows(run("import", ADA, "s3://customers-exports/a/b.zip", "--json").output)
    assert (row["folder"], row["added"], row["found"]) == ("From S3", 1, 1)
    gone = run("import", ADA, "s3://customers-exports/c.zip").exception
    assert str(gone) == "s3://customers-exports/c.zip: no such object; nothing was imported"


def test_a_folder_of_a_standard_folders_name_does_not_hide_it(run: Run, tmp_path: Path) -> None:
    made = io.BytesIO()
    lines = [{"kind": "export", "version": 1}, {"kind": "folder", "path": "Inbox (2)", "folder": ["Inbox"]}]
    folders = [("a (2)", ["a/b"]), ("a", ["a"]), ("a/b", ["a", "b"])]
    lines += [{"kind": "folder", "path": path, "folder": folder} for path, folder in folders]
    lines.append({"kind": "folder", "path": "Inbox", "folder": ["Inbox"], "standard": "INBOX"})
    with zipfile.ZipFile(made, "w") as archive:
        for number, path in enumerate(("Inbox (2)", "a (2)", "a/b", "Inbox"), 400):
            archive.writestr(f"{path}/{number}.eml", MAIL % (number, number))
        archive.writestr("manifest.jsonl", "".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "two.zip").write_bytes(made.getvalue())
    result = run("import", ADA, tmp_path / "two.zip", "--json")
    assert result.exit_code == 0, result.output

    def folders_of(*arguments: str) -> set[str]:
        return {row["folder"] for row in rows(run("mailbox", "list", ADA, *arguments, "--json").output)}

    assert folders_of("--folder", "INBOX") == folders_of("--folder", "inbox") == {"INBOX"}
    assert folders_of("--folder", "Inbox") == {"Inbox"}
    subjects = [row["subject"] for row in rows(run("mailbox", "list", ADA, "--json").output) if row["folder"] == "a/b"]
    assert sorted(subjects) == ["401", "402"], "of two folders with one path"
