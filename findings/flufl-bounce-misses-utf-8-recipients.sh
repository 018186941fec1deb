#!/usr/bin/env bash
# flufl.bounce 6.0.0 (the bounce detector of GNU Mailman 3) finds no recipient in a delivery report whose
# Final-Recipient has the address type utf-8.
#
# RFC 6533, section 3, defines that type for reports about internationalized addresses. The same report with the type
# rfc822 is understood. Seen with Python 3.11:
#
#   rfc822; ann@example.com -> permanent: ['ann@example.com']
#   utf-8; ann@example.com -> permanent: []
#
# A program that writes reports should therefore use rfc822 for every address that is ASCII.
# Exit status 0 as long as flufl.bounce does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check flufl.bounce==6.0.0
"$folder/venv/bin/python" - <<'PYTHON'
from email import message_from_string

from flufl.bounce import all_failures

REPORT = """\
From: Mail Delivery System <mailer-daemon@example.org>
To: bob@example.org
Subject: Undeliverable mail
MIME-Version: 1.0
Content-Type: multipart/report; report-type={report}; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

A message could not be delivered.

--b
Content-Type: message/{report}

Reporting-MTA: dns; mail.example.org

Final-Recipient: {kind}; ann@example.com
Action: failed
Status: 5.1.1

--b--
"""


def found(kind, report):
    temporary, permanent = all_failures(message_from_string(REPORT.format(kind=kind, report=report)))
    addresses = sorted(each.decode() if isinstance(each, bytes) else each for each in permanent)
    print(f"{kind}; ann@example.com ({report}) -> permanent: {addresses}, temporary: {sorted(temporary)}")
    return addresses


assert found("rfc822", "delivery-status") == ["ann@example.com"]
assert found("utf-8", "delivery-status") == []
assert found("utf-8", "global-delivery-status") == []
PYTHON
