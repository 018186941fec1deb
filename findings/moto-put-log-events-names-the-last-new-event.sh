#!/usr/bin/env bash
# moto 5.2.5: PutLogEvents names the last event that is too new, so that a client loses the others.
#
# AWS takes the events before tooNewLogEventStartIndex, "the index of the first log event that is too new". moto sets the
# index to each such event in turn, so the last one remains. Of four events, of which three are a day ahead, moto stores
# one and answers 3: a client that sends again from this index sends one event, and two are nowhere. Likewise
# tooOldLogEventEndIndex is the last event that is too old, where AWS documents an exclusive end. Seen with Python 3.11:
#
#   stored: 1 tooNewLogEventStartIndex: 3
#
# Exit status 0 as long as moto does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'moto[logs]==5.2.5'
"$folder/venv/bin/python" - <<'PYTHON'
import time

import boto3
from moto import mock_aws

with mock_aws():
    logs = boto3.client("logs", region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test")
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    ahead = [now + 86_400_000 + place for place in range(3)]
    events = [{"timestamp": at, "message": str(place)} for place, at in enumerate([now, *ahead])]
    info = logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=events)["rejectedLogEventsInfo"]
    stored = len(logs.get_log_events(logGroupName="g", logStreamName="s")["events"])
    print("stored:", stored, "tooNewLogEventStartIndex:", info["tooNewLogEventStartIndex"])
    assert (stored, info["tooNewLogEventStartIndex"]) == (1, 3), (stored, info)
PYTHON
