"""Stations that read plain mail alone start without the cipher that opens sealed mail."""

from __future__ import annotations

import subprocess
import sys

STATIONS = "accept_outbound, bounce, ingest, message_flow_api, run_sync_rule, sweep"


def test_stations_that_read_plain_mail_start_without_the_cipher() -> None:
    command = [sys.executable, "-c", f"import sys; from postroom.bootstrap import {STATIONS}; print(*sys.modules)"]
    loaded = set(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.split())
    assert "postroom.adapters.aws.raw_mail" in loaded
    assert not loaded & {"postroom.sealing", "cryptography"}
