"""The AWS SDK for JavaScript: Lambda's Node.js runtimes bring it, and published functions rely on it.

A function's files are followed from its handler on (`needed.mjs`). What they ask for, and neither the function nor its
layers have, comes from the registry if AWS's runtime of that name brings it; modules that are still missing are noted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cli.errors import UsageError
from local.errors import TemplateError
from local.functions.runtimes import node, node_places, runtime

if TYPE_CHECKING:
    from local.functions.function import Function
    from local.functions.installs import Installs

READING_SECONDS: Final = 60
"""How long following a function's files may take. Ours; a second for thousands."""

_SCRIPT: Final = Path(__file__).parent / "needed.mjs"
_FLAGS: Final = ("--expose-internals", "--experimental-import-meta-resolve", "--no-warnings")
"""Node's own parser, and resolving on behalf of another file."""

_VERSION: Final = re.compile(r"nodejs([0-9]+)\.x")
_FIRST_WITH_V3: Final = 18
"""Source: AWS, "Using the SDK for JavaScript v3 in Node.js 18": 16 and earlier bring v2, called aws-sdk."""

_V3: Final = ("@aws-sdk/", "@smithy/", "@aws-crypto/")
_V2: Final = "aws-sdk"


@dataclass(frozen=True)
class Missing:
    """A module that is asked for and not there; `is_optional` where the file that asks can do without."""

    module: str
    file: str
    is_optional: bool


def with_sdk(function: Function, installs: Installs) -> tuple[Function, list[str]]:
    """Return a Node.js function with what its runtime brings, and notes on what is missing all the same."""
    try:
        missing = needed(function)
        brought = sorted({one.module for one in missing if is_brought(function.runtime, one.module)})
        if not brought:
            return function, _notes(function, missing)
        folder = installs.sdk(function.logical_id, brought)
    except UsageError as error:
        return function, [str(error)]
    function = replace(function, packages=(folder,))
    return function, _notes(function, needed(function))


def is_brought(name: str, module: str) -> bool:
    """Say whether AWS's runtime of a name has a module."""
    version = _VERSION.fullmatch(name)
    if version is not None and int(version[1]) < _FIRST_WITH_V3:
        return module == _V2
    return module.startswith(_V3)


def needed(function: Function) -> list[Missing]:
    """Return what a function's files ask for and do not get; nothing where its handler's file is not there.

    Raises:
        TemplateError: the files cannot be followed with this machine's Node.js.
    """
    file = runtime(function.runtime).handler_file(function)
    if file is None:
        return []
    places = json.dumps({"file": str(file), **node_places(function)})
    cannot = f"{function.logical_id}: the modules that it needs cannot be read with this node"
    try:
        done = subprocess.run(
            [node(), *_FLAGS, str(_SCRIPT)],
            input=places,
            env={"PATH": os.environ.get("PATH", os.defpath)},
            cwd=function.code,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=READING_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise TemplateError(f"{cannot} within {READING_SECONDS} s") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "Error" in line] or done.stderr.splitlines()[-1:]
        raise TemplateError(f"{cannot}: {' '.join(said[:1])}")
    found = json.loads(done.stdout)["missing"]
    return [Missing(one["module"], one["file"], bool(one["optional"])) for one in found]


def _notes(function: Function, missing: list[Missing]) -> list[str]:
    return [
        f"{function.logical_id}: there is no module {one.module}, which {one.file} needs"
        for one in missing
        if not one.is_optional
    ]
