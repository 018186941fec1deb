"""`postroom submit`, on template.yaml in this process."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from cli import running
from cli.errors import RefusedError, UsageError
from cli.repository import repository_root
from cli.samples import SampleRunner, Samples
from tests.support.in_process import InProcessStack, deployed

from .conftest import Run

ADA: Final = "ada@sample.example"
MAIL: Final = (
    f"From: {ADA}\r\nTo: carl@elsewhere.example\r\nBcc: dora@elsewhere.example\r\nSubject: Hi\r\n\r\nHello\r\n"
)
DOCUMENTED: Final = (repository_root() / "docs" / "command-line.md").read_text("utf-8")


@pytest.fixture(scope="module")
def stack() -> Iterator[InProcessStack]:
    with deployed() as stack:
        samples = Samples.read(repository_root() / "events")
        runner = SampleRunner.of(stack, samples)
        for name in ("ingest", "submit"):  # started here, so that its log is not in a command's output
            assert not runner.run(samples.by_name[name], name).wrong
        yield stack


@pytest.fixture(autouse=True)
def file(stack: InProcessStack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(running, "find", lambda: stack)
    made = tmp_path / "mail.eml"
    made.write_bytes(MAIL.encode())
    return made


def order(stack: InProcessStack, trace: str) -> Any:
    [found] = stack.operator().transit.open_orders(trace)
    return found


def test_a_message_is_sent_once_per_token(stack: InProcessStack, run: Run, file: Path) -> None:
    first, again = (run("submit", file, "--as", ADA, "--token", "t", "--json") for _ in range(2))
    assert first.exit_code == 0, first.exception
    assert json.loads(again.output) == json.loads(first.output)
    [row] = json.loads(first.output)
    assert row["messageId"] == f"<{row['traceId']}@sample.example>"
    assert order(stack, row["traceId"]).recipients == ("carl@elsewhere.example", "dora@elsewhere.example")
    assert all(f"`{name}`" in DOCUMENTED for name in row)


def test_recipients_may_be_given(stack: InProcessStack, run: Run, file: Path) -> None:
    found = run("submit", file, "--as", ADA, "--to", "e@x.example", "--to", "f@x.example")
    trace = found.output.split()[-2]
    assert order(stack, trace).recipients == ("e@x.example", "f@x.example")


def test_a_large_message_is_staged(stack: InProcessStack, run: Run, file: Path) -> None:
    file.write_bytes(MAIL.encode() + b"x\r\n" * 1_500_000)
    [row] = json.loads(run("submit", file, "--as", ADA, "--json").output)
    assert order(stack, row["traceId"]).size > 4_500_000


def test_a_refusal_says_why(run: Run, file: Path) -> None:
    file.write_bytes(MAIL.replace(ADA, "grace@sample.example").encode())
    found = run("submit", file, "--as", ADA)
    assert isinstance(found.exception, RefusedError)
    assert str(found.exception).startswith("NOT_ALLOWED: the user has no permission")


def test_wrong_use_says_so(run: Run, file: Path) -> None:
    assert isinstance(run("submit", file.with_name("none"), "--as", ADA).exception, UsageError)
    file.write_bytes(b"")
    assert isinstance(run("submit", file, "--as", ADA).exception, UsageError)
    assert isinstance(run("submit", file.with_name("mail.eml"), "--as", "nobody@x.test").exception, UsageError)
