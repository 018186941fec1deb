#!/usr/bin/env bash
# exchangelib 5.6.0: times with a fraction of a second, which it writes itself, are read as None.
#
# EWSDateTime.from_string knows times of whole seconds alone. A field whose time has a fraction is None, without an
# error; EWSDateTime.ewsformat, which writes all requests, gives microseconds. Seen with Python 3.11:
#
#   written: 2026-12-01T09:00:00.500000Z
#   read back: None
#   without the fraction: 2026-12-01 09:00:00+00:00
#
# So a server that gives back the times of OofSettings as they were set loses them.
#
# Exit status 0 as long as exchangelib does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check exchangelib==5.6.0
"$folder/venv/bin/python" - <<'PYTHON'
from exchangelib import EWSDateTime, EWSTimeZone
from exchangelib.settings import OofSettings
from lxml import etree

written = EWSDateTime(2026, 12, 1, 9, 0, 0, 500_000, tzinfo=EWSTimeZone("UTC")).ewsformat()
print("written:", written)


def start(text):
    end = f"<t:EndTime>{text}</t:EndTime>"
    settings = f"<t:OofState>Enabled</t:OofState><t:Duration><t:StartTime>{text}</t:StartTime>{end}</t:Duration>"
    namespace = 'xmlns:t="http://schemas.microsoft.com/exchange/services/2006/types"'
    root = etree.fromstring(f"<t:OofSettings {namespace}>{settings}</t:OofSettings>")
    return OofSettings.from_xml(root, account=None).start


found = start(written)
print("read back:", found)
whole = start(written.replace(".500000", ""))
print("without the fraction:", whole)
assert written.endswith(".500000Z"), written
assert found is None, found
assert whole is not None
PYTHON
