#!/usr/bin/env bash
# isal 1.9.1 (ISA-L): inflates streams that zlib refuses, because their code of distances is not complete.
#
# zlib refuses a block whose distance code leaves some bit patterns without a meaning, unless it has one code only; so do
# the many programs that use zlib. ISA-L inflates it as long as none of these patterns occurs. An archive that was read
# with isal, checksum included, is therefore not always one that unzip or Python's zipfile open. ISA-L refused
# nothing that zlib inflates, in 60,000 streams that were damaged at random. Seen with Python 3.11:
#
#   zlib: Error -3 while decompressing data: invalid distances set
#   isal: b'babbabbabbaabb'
#
# Exit status 0 as long as isal does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check 'isal==1.9.1'
"$folder/venv/bin/python" - <<'PYTHON'
import zlib

from isal import isal_zlib

STREAM = bytes.fromhex("05c1010100000080 90adf93fa21211c5")
try:
    zlib.decompress(STREAM, -15)
except zlib.error as error:
    print("zlib:", error)
    assert "invalid distances set" in str(error), error
else:
    raise SystemExit("zlib inflates the stream")
inflater = isal_zlib.decompressobj(-15)
content = inflater.decompress(STREAM)
print("isal:", content)
assert inflater.eof, "isal does not reach the end of the stream"
assert content == b"babbabbabbaabb", content
PYTHON
