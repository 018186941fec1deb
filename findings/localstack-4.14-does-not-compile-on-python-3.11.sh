#!/usr/bin/env bash
# localstack-core 4.14.0: its metadata says Python 3.10 or newer, and its sources have the generic classes of 3.12.
#
# On Python 3.11 it installs, starts, says "Ready.", and then answers every call of S3, SQS and others with
# 500 InternalError, "invalid syntax (stores.py, line 193)", because a service is imported when it is first called.
# Seen with Python 3.11 and 3.13:
#
#   metadata: Python >=3.10
#   4.9.2: 0 files that Python 3.11 does not read
#   4.14.0: 9 files that Python 3.11 does not read
#
# Exit status 0 as long as this is so.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
for release in 4.9.2 4.14.0; do
  "$folder/venv/bin/pip" download -qq --disable-pip-version-check --no-deps -d "$folder" "localstack-core==$release"
done
"$folder/venv/bin/python" - "$folder" <<'PYTHON'
import ast
import glob
import re
import sys
import tarfile
import zipfile


def texts(release):
    """Yield each file of a release, a wheel or a source archive, by name."""
    (path,) = glob.glob(f"{sys.argv[1]}/localstack_core-{release}*")
    if path.endswith(".whl"):
        with zipfile.ZipFile(path) as archive:
            yield from ((name, archive.read(name)) for name in archive.namelist())
    else:
        with tarfile.open(path) as archive:
            yield from ((each.name, archive.extractfile(each).read()) for each in archive if each.isfile())


def is_read(text):
    """Say whether Python 3.11 reads a source."""
    try:
        ast.parse(text, feature_version=(3, 11))
    except SyntaxError:
        return False
    return True


for release, expected in (("4.9.2", False), ("4.14.0", True)):
    files = dict(texts(release))
    (metadata,) = (text for name, text in files.items() if name.endswith(("METADATA", "PKG-INFO")) and name.count("/") == 1)
    if release == "4.14.0":
        (least,) = re.findall(rb"^Requires-Python: (.*)$", metadata, re.MULTILINE)
        print(f"metadata: Python {least.decode()}")
        assert least == b">=3.10"
    found = [name for name, text in files.items() if name.endswith(".py") and not is_read(text)]
    print(f"{release}: {len(found)} files that Python 3.11 does not read")
    assert bool(found) is expected
PYTHON
