#!/usr/bin/env bash
# aiosmtpd 1.4.6: a session with TLS from the first byte has no AUTH, as if it had no TLS.
#
# SMTP knows of TLS by what STARTTLS leaves in the session, and Controller's ssl_context leaves nothing there. With the
# default auth_require_tls=True, EHLO does not offer AUTH, and a client that sends it is told to encrypt; with
# require_starttls=True, it must begin TLS within TLS. The same settings behind STARTTLS offer AUTH. Known as issues 274
# and 281 of aio-libs/aiosmtpd. Seen with Python 3.11:
#
#   STARTTLS, then EHLO -> AUTH offered: True; AUTH -> 235 2.7.0 Authentication successful
#   implicit TLS, then EHLO -> AUTH offered: False; AUTH -> 538 5.7.11 Encryption required for requested authentication mechanism
#   implicit TLS, with the settings of STARTTLS -> STARTTLS offered: True; AUTH -> 530 Must issue a STARTTLS command first
#
# Exit status 0 as long as aiosmtpd does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check aiosmtpd==1.4.6
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2>"$folder/log"
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import contextlib
import smtplib
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

folder = sys.argv[1]
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain(f"{folder}/certificate.pem", f"{folder}/key.pem")
trust = ssl.create_default_context(cafile=f"{folder}/certificate.pem")
PLAIN = "AGFkYQBzZWNyZXQ="


class Handler:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"


@contextlib.contextmanager
def serving(port, **settings):
    authenticator = lambda *_: AuthResult(success=True)
    settings = {"authenticator": authenticator, "auth_required": True, **settings}
    controller = Controller(Handler(), hostname="127.0.0.1", port=port, **settings)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def ask(client, how, extension):
    client.ehlo()
    offered = client.has_extn(extension)
    code, text = client.docmd("AUTH", f"PLAIN {PLAIN}")
    print(f"{how} -> {extension.upper()} offered: {offered}; AUTH -> {code} {text.decode()}")
    return offered, code


with serving(18025, tls_context=server, require_starttls=True), smtplib.SMTP("localhost", 18025) as client:
    client.starttls(context=trust)
    behind_starttls = ask(client, "STARTTLS, then EHLO", "auth")
with serving(18465, ssl_context=server), smtplib.SMTP_SSL("localhost", 18465, context=trust) as client:
    implicit = ask(client, "implicit TLS, then EHLO", "auth")
both = {"ssl_context": server, "tls_context": server, "require_starttls": True}
with serving(18466, **both), smtplib.SMTP_SSL("localhost", 18466, context=trust) as client:
    within = ask(client, "implicit TLS, with the settings of STARTTLS", "starttls")
assert (behind_starttls, implicit, within) == ((True, 235), (False, 538), (True, 530))
PYTHON
