#!/usr/bin/env bash
# ews-javascript-api 0.15.3: SetUserOofSettings has the texts of OofReply without escapes.
#
# `&` and `<` are written as they are, so that a text with `&` is no XML, and HTML is elements in place of text:
#
#   <t:Message><p>in</p></t:Message>
#   <t:Message>out & about</t:Message>
#
# A program that escapes the texts itself is understood. Seen with Node 20.
#
# Exit status 0 as long as ews-javascript-api does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --prefix "$folder" ews-javascript-api@0.15.3 @ewsjs/xhr@3.1.3
cat >written.js <<'JAVASCRIPT'
const http = require("http");
const ews = require("ews-javascript-api");
const { XhrApi } = require("@ewsjs/xhr");

const fault = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>' +
  "<faultcode>s:Server</faultcode><faultstring>No.</faultstring></s:Fault></s:Body></s:Envelope>";

const server = http.createServer((request, answer) => {
  let body = "";
  request.on("data", (part) => (body += part));
  request.on("end", () => {
    const found = body.match(/<t:Message>.*?<\/t:Message>/gs) || [];
    found.forEach((each) => console.log(each));
    process.exitCode = found.join() === "<t:Message><p>in</p></t:Message>,<t:Message>out & about</t:Message>" ? 0 : 1;
    answer.writeHead(500, { "Content-Type": "text/xml" });
    answer.end(fault);
  });
});

server.listen(0, "127.0.0.1", async () => {
  ews.ConfigurationApi.ConfigureXHR(new XhrApi());
  const service = new ews.ExchangeService(ews.ExchangeVersion.Exchange2010_SP2);
  service.Credentials = new ews.WebCredentials("ann", "password");
  service.Url = new ews.Uri(`http://127.0.0.1:${server.address().port}/`);
  const settings = new ews.OofSettings();
  settings.State = ews.OofState.Enabled;
  settings.InternalReply = new ews.OofReply("<p>in</p>");
  settings.ExternalReply = new ews.OofReply("out & about");
  process.exitCode = 1;
  await service.SetUserOofSettings("ann@example.com", settings).catch(() => undefined);
  server.close();
  server.closeAllConnections();
});
JAVASCRIPT
node written.js
