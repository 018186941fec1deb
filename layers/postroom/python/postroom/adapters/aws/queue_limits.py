"""Limits of one SendMessageBatch."""

from __future__ import annotations

from typing import Final

BATCH: Final = 10
"""Most messages. Source: SQS Developer Guide, quotas."""

MAX_CALL_BYTES: Final = 262_144
"""Most bytes, all messages together. Ours: SQS's limit until August 2025, now 1 MiB; emulators still have it."""
