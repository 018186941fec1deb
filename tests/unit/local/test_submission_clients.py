"""swaks, msmtp, curl, mutt and nodemailer, unmodified, at both ports; each is skipped where it is not installed."""

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
from local.mail.services import Service
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


@pytest.fixture(params=list(Service))
def service(request: pytest.FixtureRequest) -> Service:
    return Service(request.param)


def run(command: Sequence[str], given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"needs {command[0]}")
    return subprocess.run(command, input=given, capture_output=True, timeout=120, check=False)


def options(file: Path, lines: Sequence[str]) -> str:
    """Write a file of a client's settings, which has a password in it."""
    file.touch(0o600)
    file.write_text("".join(f"{line}\n" for line in lines))
    return str(file)


SWAKS: Final = {Service.SUBMISSION: "--tls", Service.SUBMISSIONS: "--tls-on-connect"}


def swaks(port: Port, service: Service, password: str, mechanism: str) -> subprocess.CompletedProcess[bytes]:
    login = ("--auth", mechanism, "--auth-user", USER, "--auth-password", password)
    tls = (SWAKS[service], "--tls-verify", "--tls-ca-path", str(port.certificate))
    server = ("--server", "localhost", "--port", str(port.server.ports[service]), "--helo", "client.example")
    envelope = ("--from", USER, "--to", ",".join(TO), "--no-data-fixup", "--data", "-")
    return run(["swaks", *server, *tls, *login, *envelope], MAIL + b".\r\n")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_swaks_sends(port: Port, service: Service, mechanism: str) -> None:
    done = swaks(port, service, SECRET, mechanism)
    assert done.returncode == 0, done.stdout.decode()
    assert [each.recipients for each in port.submits.taken] == [TAKEN]


def test_swaks_is_told_of_a_wrong_password(port: Port, service: Service) -> None:
    done = swaks(port, service, "secret-guess", "PLAIN")
    assert done.returncode == 28, "its exit status for a login that fails"
    assert b"535 5.7.8" in done.stdout


def msmtp(port: Port, service: Service, folder: Path, password: str) -> subprocess.CompletedProcess[bytes]:
    settings = [
        "account default",
        "host localhost",
        f"port {port.server.ports[service]}",
        f"from {USER}",
        f"user {USER}",
        f"password {password}",
        "auth plain",
        "tls on",
        f"tls_starttls {'on' if service is Service.SUBMISSION else 'off'}",
        f"tls_trust_file {port.certificate}",
    ]
    return run(["msmtp", "-C", options(folder / "msmtprc", settings), *TO], MAIL.replace(b"\r\n", b"\n"))


def test_msmtp_sends(port: Port, service: Service, tmp_path: Path) -> None:
    done = msmtp(port, service, tmp_path, SECRET)
    assert done.returncode == 0, done.stderr.decode()
    [taken] = port.submits.taken
    assert taken.recipients == TAKEN
    assert taken.content.endswith(MAIL), "it adds Date and Message-ID itself"


def test_msmtp_is_told_of_a_wrong_password(port: Port, service: Service, tmp_path: Path) -> None:
    assert msmtp(port, service, tmp_path, "secret-guess").returncode == 77, "EX_NOPERM"


CURL: Final = {Service.SUBMISSION: ("smtp", "--ssl-reqd"), Service.SUBMISSIONS: ("smtps",)}


def curl(port: Port, service: Service, password: str, content: bytes = MAIL) -> subprocess.CompletedProcess[bytes]:
    scheme, *security = CURL[service]
    url = f"{scheme}://localhost:{port.server.ports[service]}/client.example"
    login = ("--cacert", str(port.certificate), "--user", f"{USER}:{password}")
    envelope = ("--mail-from", USER, *(word for each in TAKEN for word in ("--mail-rcpt", each)))
    return run(["curl", "-sS", *security, url, *login, *envelope, "--upload-file", "-"], content)


def test_curl_sends(port: Port, service: Service) -> None:
    done = curl(port, service, SECRET)
    assert done.returncode == 0, done.stderr.decode()
    assert [(each.recipients, each.content) for each in port.submits.taken] == [(TAKEN, MAIL)]


def test_curl_sends_a_file_with_line_feeds_alone(port: Port, service: Service) -> None:
    """It keeps them without --crlf, and stuffs no dot behind them."""
    content = MAIL.replace(b"\r\n", b"\n")
    assert curl(port, service, SECRET, content).returncode == 0
    assert [each.content for each in port.submits.taken] == [content + b"\r\n"]


def test_curl_is_told_of_a_wrong_password(port: Port, service: Service) -> None:
    assert curl(port, service, "secret-guess").returncode == 67, "CURLE_LOGIN_DENIED"


MUTT: Final = {Service.SUBMISSION: "smtp", Service.SUBMISSIONS: "smtps"}


def mutt(port: Port, service: Service, folder: Path, password: str) -> subprocess.CompletedProcess[bytes]:
    login = USER.replace("@", "%40")
    settings = [
        f'set smtp_url="{MUTT[service]}://{login}@localhost:{port.server.ports[service]}/"',
        f'set smtp_pass="{password}"',
        "set ssl_force_tls=yes",
        f'set certificate_file="{port.certificate}"',
        f'set from="{USER}"',
        "set copy=no",
    ]
    command = ["mutt", "-n", "-F", options(folder / "muttrc", settings), "-s", "x", "carl@example.org"]
    return run(command, b".dots\n")


def test_mutt_sends(port: Port, service: Service, tmp_path: Path) -> None:
    done = mutt(port, service, tmp_path, SECRET)
    assert done.returncode == 0, done.stderr.decode()
    [taken] = port.submits.taken
    assert taken.recipients == ("carl@example.org",)
    assert taken.content.endswith(b"\r\n\r\n.dots\r\n")


def test_mutt_is_told_of_a_wrong_password(port: Port, service: Service, tmp_path: Path) -> None:
    done = mutt(port, service, tmp_path, "secret-guess")
    assert (done.returncode, port.submits.taken) == (1, [])


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


def nodemailer(send_js: str, port: Port, service: Service, password: str) -> dict[str, str]:
    asked = {
        "port": port.server.ports[service],
        "secure": service is Service.SUBMISSIONS,
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


def test_nodemailer_sends(port: Port, service: Service, send_js: str) -> None:
    assert nodemailer(send_js, port, service, SECRET) == {"response": "250 2.0.0 Accepted as trace-1"}
    [taken] = port.submits.taken
    assert (taken.recipients, taken.content) == (TAKEN, MAIL)


def test_nodemailer_is_told_of_a_wrong_password(port: Port, service: Service, send_js: str) -> None:
    said = nodemailer(send_js, port, service, "secret-guess")
    assert (said["code"], said["response"][:9]) == ("EAUTH", "535 5.7.8")


def test_the_documented_commands_send(port: Port, tmp_path: Path) -> None:
    """Those of docs/clients.md."""
    if missing := [each for each in ("swaks", "msmtp", "curl") if not shutil.which(each)]:
        pytest.skip(f"needs {', '.join(missing)}")
    text = (ROOT / "docs" / "clients.md").read_text("utf-8")
    (commands,) = [each for each in re.findall(r"```sh\n(.+?)```", text, re.DOTALL) if "swaks" in each]
    variables = {
        "PATH": os.environ["PATH"],
        "POSTROOM_SUBMISSIONS": f"127.0.0.1:{port.server.ports[Service.SUBMISSIONS]}",
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
    assert [each.recipients for each in port.submits.taken] == [("grace@example.com",)] * 3
