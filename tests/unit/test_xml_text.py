"""Characters that XML 1.0 cannot hold."""

from __future__ import annotations

from postroom.model.xml_text import legal_in_xml

CHAR = (range(0x9, 0xB), range(0xD, 0xE), range(0x20, 0xD800), range(0xE000, 0xFFFE), range(0x10000, 0x110000))
"""Source: XML 1.0, 2.2, Char."""


def test_each_character_of_xml_stays_and_each_other_one_is_replaced() -> None:
    everything = "".join(map(chr, range(0x110000)))
    legal = legal_in_xml(everything)
    wrong = [code for code, made in enumerate(legal) if made != chr(code)]
    assert {legal[code] for code in wrong} == {"\ufffd"}
    assert wrong == sorted(set(range(0x110000)) - {code for part in CHAR for code in part})
