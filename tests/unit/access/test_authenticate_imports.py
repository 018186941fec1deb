"""Each request of a mail client waits for the authorizer, so its start pays for nothing that it does not use."""

from __future__ import annotations

import subprocess
import sys

LOADED = "import sys; from postroom.bootstrap import authenticate; print(*sys.modules)"


def test_the_authorizer_starts_without_the_library_that_reads_queue_messages() -> None:
    run = subprocess.run([sys.executable, "-c", LOADED], stdout=subprocess.PIPE, check=True, text=True)
    loaded = set(run.stdout.split())
    assert "postroom.adapters.aws.audit_trail" in loaded
    assert not loaded & {"pydantic", "lxml", "boto3"}
