"""What runs a function's code here, by runtime: one visible table, `RUNTIMES`.

A runtime gives the command of a worker process and the environment that AWS's own runtime of that name has. Python
functions run on the interpreter that runs us, Node.js functions on the `node` of this machine.
"""

from __future__ import annotations

import functools
import glob
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from cli.errors import UsageError
from local.settings import CREDENTIALS, REGION

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local.functions.function import Function

_OPT: Final = "/opt/"
"""Where Lambda unpacks layers."""

_NODE_HANDLER: Final = re.compile(r"((?:.*/)?[^./][^/.]*)\..+")
"""As worker.js reads a handler: the module, then the member of what it exports."""

_PYTHON_ENDINGS: Final = (".py", ".pyc", ".so")
_HERE: Final = Path(__file__).parent


class Runtime(Protocol):
    """One family of runtimes, `python3.12` and `python3.13` say."""

    def here(self) -> str:
        """Return the name that AWS would give to what this machine has.

        Raises:
            UsageError: it has none.
        """

    def command(self, function: Function, requests: str, answers: str) -> list[str]:
        """Return the command line of a worker that reads and answers over two pipes (descriptors)."""

    def variables(self, function: Function) -> dict[str, str]:
        """Return the variables that only this family has."""

    def handler_file(self, function: Function) -> Path | None:
        """Return the file (a package's folder) of the module that a handler is in; None where there is none."""


class _Python:
    def here(self) -> str:
        return f"python{sys.version_info.major}.{sys.version_info.minor}"

    def command(self, function: Function, requests: str, answers: str) -> list[str]:
        if function.own_runtime:
            # isolated: the function's modules are for its own runtime, which gets the whole environment
            script = str(_HERE / "runtime_worker.py")
            return [sys.executable, "-I", script, requests, answers, str(function.own_runtime)]
        # The path once more: a PYTHONPATH of the template's own does not hide the function, nor does it on AWS.
        # -B: a compiled copy would hide an edit of a customer's code that leaves its second and its size as they were.
        flags = ["-P", "-B"] if function.exports else ["-P"]
        return [sys.executable, *flags, str(_HERE / "worker.py"), requests, answers, *module_path(function)]

    def variables(self, function: Function) -> dict[str, str]:
        return {"PYTHONPATH": os.pathsep.join(module_path(function)), "PYTHONUTF8": "1"}

    def handler_file(self, function: Function) -> Path | None:
        if function.own_runtime:
            return function.own_runtime
        module = function.handler.rpartition(".")[0].replace(".", "/")
        bases = [Path(folder, module) for folder in module_path(function)] if module else []
        for base in bases:
            files = base.parent.glob(f"{glob.escape(base.name)}.*")
            found = [base] if base.is_dir() else [file for file in files if file.suffix in _PYTHON_ENDINGS]
            if found:
                return found[0]
        return None


class _Node:
    def here(self) -> str:
        return f"nodejs{_node_version()}.x"

    def command(self, function: Function, requests: str, answers: str) -> list[str]:
        return [node(), str(_HERE / "worker.js"), requests, answers, json.dumps(node_places(function))]

    def variables(self, function: Function) -> dict[str, str]:
        return {"NODE_PATH": os.pathsep.join(node_places(function)["folders"])}

    def handler_file(self, function: Function) -> Path | None:
        matched = _NODE_HANDLER.fullmatch(function.handler)
        bases = [function.code / matched[1]] if matched else []
        if matched and matched[1].startswith(_OPT):
            bases += [layer / matched[1].removeprefix(_OPT) for layer in reversed(function.layers)]
        files = (Path(f"{base}{ending}") for base in bases for ending in ("", ".js", ".mjs", ".cjs"))
        return next((path for path in files if path.is_file()), None)


RUNTIMES: Final[Mapping[str, Runtime]] = {"python3.": _Python(), "nodejs": _Node()}
"""By the beginning of a runtime's name."""


def runtime(name: str) -> Runtime:
    """Return what runs functions of a runtime.

    Raises:
        UsageError: nothing here does.
    """
    for beginning, found in RUNTIMES.items():
        if name.startswith(beginning):
            return found
    raise UsageError(f"runtime {name} is not executed here (python3.* and nodejs* are)")


def lambda_environment(function: Function, stream: str, endpoints: Mapping[str, str]) -> dict[str, str]:
    """Return exactly what a function sees on AWS, and the endpoints and exports of the local stack.

    Nothing of the supervisor's own environment passes, PATH aside.
    Source: AWS, "Defined runtime environment variables". The template's variables win, as on AWS.
    """
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        **CREDENTIALS,
        "AWS_ACCESS_KEY_ID": function.access_key,
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "_HANDLER": function.handler,
        "LAMBDA_TASK_ROOT": str(function.code),
        "LAMBDA_RUNTIME_DIR": "/var/runtime",
        "TZ": ":UTC",
        "LANG": "en_US.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        **runtime(function.runtime).variables(function),
        **endpoints,
        **function.exports,
        **function.environment,
    }


def module_path(function: Function) -> list[str]:
    """Return the folders Python looks in first: the function's own, its packages', its layers', the last of them first.

    Source: AWS, "Lambda layers": a layer's files take the place of those of the layers before it.
    """
    python = function.runtime.removeprefix("python")
    folders = [function.code, *function.packages]
    for layer in reversed(function.layers):
        folders += [layer / "python", layer / "python" / "lib" / f"python{python}" / "site-packages"]
    return [str(folder) for folder in folders if folder.is_dir()]


def node_places(function: Function) -> dict[str, list[str]]:
    """Return where a Node.js function's modules are beside its own: `folders` called node_modules, and its `layers`.

    First the layers, the last of them first, as its files take the place of others' in /opt; then what the runtime
    brings.
    """
    version = function.runtime.removeprefix("nodejs").removesuffix(".x")
    layers = list(reversed(function.layers))
    inside = [Path("nodejs", f"node{version}", "node_modules"), Path("nodejs", "node_modules")]
    folders = [*(layer / each for each in inside for layer in layers), *function.packages]
    found = [str(folder) for folder in folders if folder.is_dir()]
    return {"folders": found, "layers": [str(layer) for layer in layers]}


def node() -> str:
    """Return this machine's Node.js.

    Raises:
        UsageError: it has none.
    """
    found = shutil.which("node")
    if found is None:
        raise UsageError("functions of runtime nodejs* need node on PATH (https://nodejs.org)")
    return found


@functools.cache
def _node_version() -> str:
    """Return the major version of this machine's node."""
    try:
        said = subprocess.run([node(), "--version"], capture_output=True, text=True, timeout=30, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(f"node does not start: {error}") from error
    return said.strip().removeprefix("v").partition(".")[0]
