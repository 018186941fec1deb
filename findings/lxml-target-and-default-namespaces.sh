#!/usr/bin/env bash
# lxml 6.1.3 hands a default namespace to a parser target as {"": URI}, and its own TreeBuilder refuses that mapping.
#
# A target whose start() takes a third argument gets the namespaces that an element declares. Elsewhere in lxml the
# prefix of a default namespace is None. Where the target passes the mapping on to etree.TreeBuilder.start(), the
# builder raises ValueError; the parser ends without a root, and the caller sees a syntax error in a document that has
# none. Seen with Python 3.11:
#
#   <p:a xmlns:p="urn:x"/> -> {urn:x}a
#   <a xmlns="urn:x"/>     -> XMLSyntaxAssertionError: missing toplevel element
#
# A target should therefore take two arguments, or replace "" by None.
# Exit status 0 as long as lxml does this.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -qq --disable-pip-version-check lxml==6.1.3
"$folder/venv/bin/python" - <<'PYTHON'
from lxml import etree


class Target:
    def __init__(self):
        self.tree = etree.TreeBuilder()
        self.seen = []

    def start(self, tag, attributes, namespaces):
        self.seen.append(dict(namespaces))
        self.tree.start(tag, dict(attributes), dict(namespaces))

    def end(self, tag):
        self.tree.end(tag)

    def close(self):
        return self.tree.close()


def read(document):
    target = Target()
    try:
        found = etree.fromstring(document, etree.XMLParser(target=target)).tag
    except etree.XMLSyntaxError as error:
        found = type(error).__name__ + ": " + error.msg.partition(" (")[0]
    print(f"{document.decode()} -> {target.seen} {found}")
    return target.seen, found


assert read(b'<p:a xmlns:p="urn:x"/>') == ([{"p": "urn:x"}], "{urn:x}a")
assert read(b'<a xmlns="urn:x"/>') == ([{"": "urn:x"}], "XMLSyntaxAssertionError: missing toplevel element")
PYTHON
