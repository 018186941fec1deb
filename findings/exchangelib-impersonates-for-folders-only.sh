#!/usr/bin/env bash
# exchangelib 5.6.0: an account with access_type=IMPERSONATION asks for free/busy information and names as itself.
#
# Requests about folders and items carry the SOAP header ExchangeImpersonation with the account's address. The services
# that belong to the protocol do not, although they are reached by account.protocol: the server answers them with the
# rights of the caller, without an error. Seen with Python 3.11:
#
#   GetFolder -> impersonated
#   ResolveNames -> as the caller
#   GetServerTimeZones -> as the caller
#
# (get_free_busy_info asks for time zones first, and its GetUserAvailability is a service of the protocol, too.) OAuth
# credentials with an identity put the header into every request.
#
# Exit status 0 as long as exchangelib does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check exchangelib==5.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import re
import threading
from contextlib import suppress
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from exchangelib import BASIC, IMPERSONATION, Account, Configuration, Credentials, EWSDateTime, EWSTimeZone
from exchangelib.errors import EWSError
from exchangelib.version import EXCHANGE_2010_SP2, Version

FAULT = b"""<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>
<faultcode>s:Server</faultcode><faultstring>No.</faultstring><detail>
<e:ResponseCode xmlns:e="http://schemas.microsoft.com/exchange/services/2006/errors">ErrorAccessDenied</e:ResponseCode>
</detail></s:Fault></s:Body></s:Envelope>"""


class Server(BaseHTTPRequestHandler):
    asked = {}

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        operation = re.search(r"<s:Body>\s*<m:(\w+)", text)[1]
        self.asked[operation] = "ExchangeImpersonation" in text
        self.send_response(500)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(FAULT)))
        self.end_headers()
        self.wfile.write(FAULT)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
configuration = Configuration(
    service_endpoint=f"http://127.0.0.1:{server.server_port}/EWS/Exchange.asmx",
    credentials=Credentials("service@example.com", "password"),
    auth_type=BASIC,
    version=Version(EXCHANGE_2010_SP2),
)
account = Account("ann@example.com", config=configuration, access_type=IMPERSONATION)
start = EWSDateTime(2026, 12, 1, tzinfo=EWSTimeZone("UTC"))
with suppress(EWSError):
    _ = account.root
with suppress(EWSError):
    account.protocol.resolve_names(["ann"])
with suppress(EWSError):
    list(account.protocol.get_free_busy_info([("ann@example.com", "Required", False)], start, start + timedelta(hours=1)))
for operation, impersonated in Server.asked.items():
    print(operation, "->", "impersonated" if impersonated else "as the caller")
assert Server.asked == {"GetFolder": True, "ResolveNames": False, "GetServerTimeZones": False}, Server.asked
PYTHON
