"""swaks, msmtp and nodemailer, unmodified, at the submission port; each is skipped where it is not installed."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from local.errors import TemplateError
from local.functions.installs import Installs
from tests.support.running_stack import ROOT
from tests.support.submission_front import Port

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

USER, SECRET = "bob@acme.example", "Correct-Horse-9"
TO: Final = ("carl@bücher.example", "dora@example.org")
TAKEN: Final = ("carl@xn--bcher-kva.example", "dora@example.org")
MAIL: Final = b"From: bob@acme.example\r\nTo: carl@example.org\r\nSubject: x\r\n\r\n.dots\r\n" + b"x" * 900 + b"\r\n"
PACKAGES: Final = ROOT / ".postroom" / "test-packages"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Port]:
    made = Port(tmp_path)
    made.logins.add(made.logins.person("bob"), SECRET)
    yield made
    made.server.close()


def run(command: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    return subprocess.run(command, input=given, capture_output=True, timeout=120, check=False)


def swaks(port: Port, password: str, *options: str) -> subprocess.CompletedProcess[bytes]:
    login = ("--tls", "--tls-verify", "--tls-ca-path", str(port.certificate), "--auth-user", USER)
    server = ("--server", "localhost", "--port", str(port.server.port), "--auth-password", password)
    envelope = ("--from", USER, "--to", ",".join(TO), "--helo", "client.example")
    return run(["swaks", *server, *login, *envelope, "--no-data-fixup", "--data", "-", *options], MAIL + b".\r\n")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_sends(port: Port, mechanism: str) -> None:
    done = swaks(port, SECRET, "--auth", mechanism)
    assert done.returncode == 0, done.stdout.decode()
    assert [each.recipients for each in port.submits.taken] == [TAKEN]


def test_swaks_is_told_of_a_wrong_password(port: Port) -> None:
    done = swaks(port, "secret-guess", "--auth", "PLAIN")
    assert done.returncode == 28, "its exit status for a login that fails"
    assert b"535 5.7.8" in done.stdout


def msmtp(port: Port, folder: Path, password: str) -> subprocess.CompletedProcess[bytes]:
    settings = {
        "host": "localhost",
        "port": port.server.port,
        "from": USER,
        "user": USER,
        "password": password,
        "auth": "plain",
        "tls": "on",
        "tls_starttls": "on",
        "tls_trust_file": port.certificate,
    }
    file = folder / "msmtprc"
    file.touch(0o600)
    file.write_text("\n".join(["account default", *(f"{name} {value}" for name, value in settings.items())]) + "\n")
    return run(["msmtp", "-C", str(file), *TO], MAIL.replace(b"\r\n", b"\n"))


def test_msmtp_sends(port: Port, tmp_path: Path) -> None:
    done = msmtp(port, tmp_path, SECRET)
    assert done.returncode == 0, done.stderr.decode()
    [taken] = port.submits.taken
    assert taken.recipients == TAKEN
    assert taken.content.endswith(MAIL), "it adds Date and Message-ID itself"


def test_msmtp_is_told_of_a_wrong_password(port: Port, tmp_path: Path) -> None:
    assert msmtp(port, tmp_path, "secret-guess").returncode == 77, "EX_NOPERM"


@pytest.fixture(scope="module")
def send_js() -> str:
    """The client, with its package beside it."""
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("needs node and npm")
    PACKAGES.mkdir(parents=True, exist_ok=True)
    source = ROOT / "tests" / "support" / "smtp_clients"
    try:
        return str(Installs(PACKAGES).node("the suite", source, "smtp-clients") / "send.js")
    except TemplateError as error:
        pytest.skip(str(error))


def nodemailer(send_js: str, port: Port, password: str) -> dict[str, str]:
    asked = {
        "port": port.server.port,
        "ca": str(port.certificate),
        "user": USER,
        "password": password,
        "to": TO,
        "raw": base64.b64encode(MAIL).decode(),
    }
    done = run(["node", send_js, json.dumps(asked)])
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_nodemailer_sends(port: Port, send_js: str) -> None:
    assert nodemailer(send_js, port, SECRET) == {"response": "250 2.0.0 Accepted as trace-1"}
    [taken] = port.submits.taken
    assert (taken.recipients, taken.content) == (TAKEN, MAIL)


def test_nodemailer_is_told_of_a_wrong_password(port: Port, send_js: str) -> None:
    said = nodemailer(send_js, port, "secret-guess")
    assert (said["code"], said["response"][:9]) == ("EAUTH", "535 5.7.8")


def test_the_documented_commands_send(port: Port, tmp_path: Path) -> None:
    """Those of docs/clients.md."""
    if not (shutil.which("swaks") and shutil.which("msmtp")):
        pytest.skip("needs swaks and msmtp")
    text = (ROOT / "docs" / "clients.md").read_text("utf-8")
    (commands,) = [each for each in re.findall(r"```sh\n(.+?)```", text, re.DOTALL) if "swaks" in each]
    variables = {
        "PATH": os.environ["PATH"],
        "POSTROOM_SUBMISSION": f"127.0.0.1:{port.server.port}",
        "POSTROOM_SUBMISSION_CERTIFICATE": str(port.certificate),
        "ADDRESS": USER,
        "PASSWORD": SECRET,
    }
    (tmp_path / "password.txt").write_text(SECRET)
    (tmp_path / "message.eml").write_bytes(MAIL)
    done = subprocess.run(
        ["bash", "-euc", commands], env=variables, cwd=tmp_path, capture_output=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    assert [each.recipients for each in port.submits.taken] == [("grace@example.com",)] * 2
