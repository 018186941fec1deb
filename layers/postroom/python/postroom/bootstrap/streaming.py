"""The runtime of a function that streams its answers, in place of Lambda's own Python runtime.

``functions/<name>/runtime`` starts it. The function's handler returns an iterable of bytes (docs/decisions/0011).
"""

from __future__ import annotations

import importlib
import os
import sys

from postroom.adapters.aws.lambda_runtime import RuntimeApi, serve


def main() -> None:
    """Import the handler that Lambda names, and answer events with it until Lambda ends the process."""
    api = RuntimeApi(os.environ["AWS_LAMBDA_RUNTIME_API"])
    module, _, name = os.environ["_HANDLER"].rpartition(".")
    try:
        handler = getattr(importlib.import_module(module), name)
    except Exception as error:  # noqa: BLE001 - Lambda reports any error that stops the start
        api.fail_to_start(error)
        sys.exit(1)
    serve(api, handler)


if __name__ == "__main__":
    main()
