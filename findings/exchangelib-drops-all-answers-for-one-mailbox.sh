#!/usr/bin/env bash
# exchangelib 5.6.0: free/busy information of all mailboxes is lost if one of them answers ErrorNoFreeBusyAccess.
#
# An answer to GetUserAvailability has a result of its own for each mailbox. exchangelib's get_free_busy_info yields an
# unknown mailbox (ErrorMailRecipientNotFound) as a value in its place. It raises ErrorNoFreeBusyAccess,
# ErrorFreeBusyGenerationFailed and ErrorProxyRequestProcessingFailed: a caller that makes a list of the generator gets
# nothing, and for one that reads step by step it ends there. Seen with Python 3.11, for three mailboxes, of which the
# second has the error:
#
#   ErrorMailRecipientNotFound -> ['FreeBusyView', 'ErrorMailRecipientNotFound', 'FreeBusyView']
#   ErrorNoFreeBusyAccess -> raised after 1 of 3
#
# Exit status 0 as long as exchangelib does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check exchangelib==5.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

from exchangelib import BASIC, Configuration, Credentials, EWSDateTime, EWSTimeZone
from exchangelib.errors import EWSError
from exchangelib.protocol import Protocol
from exchangelib.version import EXCHANGE_2010_SP2, Version

M = "http://schemas.microsoft.com/exchange/services/2006/messages"
T = "http://schemas.microsoft.com/exchange/services/2006/types"
ENVELOPE = f"""<?xml version="1.0"?>
<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" xmlns:m="{M}" xmlns:t="{T}"><s:Header>
<t:ServerVersionInfo MajorVersion="14" MinorVersion="3" MajorBuildNumber="1" MinorBuildNumber="0" Version="Exchange2010_SP2"/>
</s:Header><s:Body>%s</s:Body></s:Envelope>"""
ZONES = """<m:GetServerTimeZonesResponse><m:ResponseMessages><m:GetServerTimeZonesResponseMessage ResponseClass="Success">
<m:ResponseCode>NoError</m:ResponseCode><m:TimeZoneDefinitions><t:TimeZoneDefinition Id="UTC" Name="UTC"><t:Periods>
<t:Period Bias="PT0S" Name="Standard" Id="p"/></t:Periods><t:TransitionsGroups><t:TransitionsGroup Id="0"><t:Transition>
<t:To Kind="Period">p</t:To></t:Transition></t:TransitionsGroup></t:TransitionsGroups><t:Transitions><t:Transition>
<t:To Kind="Group">0</t:To></t:Transition></t:Transitions></t:TimeZoneDefinition></m:TimeZoneDefinitions>
</m:GetServerTimeZonesResponseMessage></m:ResponseMessages></m:GetServerTimeZonesResponse>"""
VIEW = """<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode>
</m:ResponseMessage><m:FreeBusyView><t:FreeBusyViewType>MergedOnly</t:FreeBusyViewType>
<t:MergedFreeBusy>02</t:MergedFreeBusy></m:FreeBusyView></m:FreeBusyResponse>"""
ERROR = """<m:FreeBusyResponse><m:ResponseMessage ResponseClass="Error"><m:MessageText>No.</m:MessageText>
<m:ResponseCode>%s</m:ResponseCode></m:ResponseMessage></m:FreeBusyResponse>"""
ARRAY = """<m:GetUserAvailabilityResponse><m:FreeBusyResponseArray>%s</m:FreeBusyResponseArray>
</m:GetUserAvailabilityResponse>"""


class Server(BaseHTTPRequestHandler):
    code = ""

    def do_POST(self):
        asked = self.rfile.read(int(self.headers["Content-Length"]))
        body = ZONES if b"GetServerTimeZones" in asked else ARRAY % (VIEW + ERROR % self.code + VIEW)
        answer = (ENVELOPE % body).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = HTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
configuration = Configuration(
    service_endpoint=f"http://127.0.0.1:{server.server_port}/EWS/Exchange.asmx",
    credentials=Credentials("ann@example.com", "password"),
    auth_type=BASIC,
    version=Version(EXCHANGE_2010_SP2),
)


def asked(code):
    """Return what was read of three mailboxes, and whether an error was raised."""
    Server.code = code
    start = EWSDateTime(2026, 12, 1, tzinfo=EWSTimeZone("UTC"))
    mailboxes = [(f"{name}@example.com", "Required", False) for name in ("ann", "ben", "cleo")]
    read = []
    try:
        for each in Protocol(config=configuration).get_free_busy_info(mailboxes, start, start + timedelta(hours=1), 30):
            read.append(type(each).__name__)
    except EWSError as error:
        print(type(error).__name__, f"-> raised after {len(read)} of 3")
        return read, True
    print(code, "->", read)
    return read, False


assert asked("ErrorMailRecipientNotFound") == (["FreeBusyView", "ErrorMailRecipientNotFound", "FreeBusyView"], False)
read, raised = asked("ErrorNoFreeBusyAccess")
assert raised, read
assert len(read) < 3, read
PYTHON
