#!/usr/bin/env bash
# aiosmtpd 1.4.6: a second client shortens the longest command of the first.
#
# The limits of commands are a table of the class, not of the connection. EHLO with SIZE and SMTPUTF8 adds bytes to
# MAIL's limit there, and each new connection clears the table: a client that was offered SIZE loses the bytes for it.
# Here a MAIL command of 530 bytes, which the first EHLO allows, is refused after a second client has connected.
# Seen with Python 3.11:
#
#   530 bytes, alone -> 250 OK
#   530 bytes, after another client connected -> 500 Command line too long
#
# Exit status 0 as long as aiosmtpd does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check aiosmtpd==1.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import smtplib

from aiosmtpd.controller import Controller


class Handler:
    async def handle_DATA(self, server, session, envelope):
        return "250 OK"


def mail(client, size, when):
    client.rset()
    local = "a" * (size - len("MAIL FROM:<@example.org>"))
    code, text = client.docmd(f"MAIL FROM:<{local}@example.org>")
    print(f"{size} bytes, {when} -> {code} {text.decode()}")
    return code


controller = Controller(Handler(), hostname="127.0.0.1", port=18025, enable_SMTPUTF8=True)
controller.start()
try:
    with smtplib.SMTP("127.0.0.1", 18025) as first:
        first.ehlo()
        alone = mail(first, 530, "alone")
        with smtplib.SMTP("127.0.0.1", 18025):
            cleared = mail(first, 530, "after another client connected")
finally:
    controller.stop()
assert (alone, cleared) == (250, 500)
PYTHON
