"""A function of a template, as the local stack runs it."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from local.settings import function_arn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT_WORKERS: Final = 2
"""Workers of a function without reserved concurrency. Ours: AWS has 1,000; a laptop has a few cores."""

_TASK_ROOT: Final = "/var/task/"
"""Where a function's folder is on AWS."""


@dataclass(frozen=True)
class Function:
    """A function of a template, ready to run here."""

    name: str
    logical_id: str
    handler: str
    code: Path
    runtime: str
    packages: tuple[Path, ...] = ()
    layers: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    """Variables that a customer's function gets from the exports of the local stack; `environment` wins."""
    description: str = ""
    timeout_s: int = 3
    memory_mb: int = 128
    reserved_concurrency: int | None = None
    log_group: str = ""
    role: str = ""
    asynchronous: Mapping[str, Any] = field(default_factory=dict)
    dead_letter_arn: str = ""

    @property
    def arn(self) -> str:
        """The unqualified ARN."""
        return function_arn(self.name)

    @property
    def access_key(self) -> str:
        """The access key of its workers: it stands for the function's role where requests are signed."""
        digest = base64.b32encode(hashlib.sha256(self.name.encode()).digest())
        return f"ASIA{digest[:16].decode()}"

    @property
    def own_runtime(self) -> Path | None:
        """The script of the function's folder that runs in place of Lambda's runtime (AWS_LAMBDA_EXEC_WRAPPER).

        Wrappers of layers are left out: what they wrap, Lambda's own runtime, is not here.
        """
        wrapper = self.environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
        path = self.code / wrapper.removeprefix(_TASK_ROOT)
        return path if wrapper.startswith(_TASK_ROOT) and path.is_file() else None

    @property
    def most_workers(self) -> int:
        """How many invocations run at once."""
        return DEFAULT_WORKERS if self.reserved_concurrency is None else self.reserved_concurrency
