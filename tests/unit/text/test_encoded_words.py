"""Header fields are decoded, whatever a mail program has done to their text."""

from __future__ import annotations

import base64

import pytest

from postroom.mime.encoded_words import charset_of, decode_field

JAPANESE = "会議の延期について"


def q(raw: bytes, label: str) -> bytes:
    return f"=?{label}?Q?{''.join(f'={byte:02X}' for byte in raw)}?=".encode()


def b(raw: bytes, label: str) -> bytes:
    return b"=?" + label.encode() + b"?B?" + base64.b64encode(raw) + b"?="


@pytest.mark.parametrize("label", ["utf-8", "gb18030", "x-sjis", "euc-jp", "iso-2022-jp", "big5-hkscs", "utf-16le"])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_a_character_that_was_cut_over_words_is_whole(label: str, size: int) -> None:
    codec = {"x-sjis": "cp932", "big5-hkscs": "big5hkscs"}.get(label, label)
    text = JAPANESE if codec != "big5hkscs" else "會議改期通知"
    raw = text.encode(codec)
    cut = [raw[at : at + size] for at in range(0, len(raw), size)]
    words = [(b if number % 2 else q)(piece, label) for number, piece in enumerate(cut)]
    assert decode_field(b" ".join(words)) == text


def test_words_that_each_leave_and_enter_ascii_join_without_a_mark() -> None:
    words = [b(piece.encode("iso-2022-jp"), "ISO-2022-JP") for piece in (JAPANESE[:4], JAPANESE[4:])]
    assert decode_field(b"\r\n ".join(words)) == JAPANESE


def test_base64_that_was_cut_within_a_byte_goes_on_in_the_next_word() -> None:
    text = base64.b64encode("Grüße aus Köln".encode())
    for size in (1, 2, 3, 5, 7):
        cut = [text[at : at + size] for at in range(0, len(text), size)]
        assert decode_field(b" ".join(b"=?utf-8?B?" + each + b"?=" for each in cut)) == "Grüße aus Köln", size


def test_words_without_padding_are_not_taken_for_cut_ones() -> None:
    assert decode_field(b"=?utf-8?B?YQ?= =?utf-8?B?Yg?= =?utf-8?Q?c?=") == "abc"


def test_labels_of_one_charset_are_one_charset() -> None:
    assert decode_field(b"=?gb2312?Q?=D2?= =?GBK*zh?Q?=BB?=") == "一"


def test_words_of_two_charsets_are_two_texts() -> None:
    assert decode_field(b"=?utf-8?Q?=C3?= =?iso-8859-1?Q?=A4?=") == "\ufffd¤"


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (q(b"Gr\xc3\xbc\xff\xc3\x9fe", "utf-8"), "Grü\ufffdße"),
        (q(b"\x8f\x5c\xff\x8c\x8e", "shift_jis"), "十\ufffd月"),
        (q(b"\x81", "x-sjis"), "\ufffd"),
        ("Grü".encode() + b"\xff" + "ße aus".encode(), "Grü\ufffdße aus"),
    ],
)
def test_an_undecodable_byte_costs_one_mark(raw: bytes, text: str) -> None:
    assert decode_field(raw) == text


def test_raw_bytes_in_a_word_are_the_words_own() -> None:
    assert decode_field(b"=?koi8-r?Q?\xf0\xd2\xc9?=", "utf-8") == "При"
    assert decode_field(b"=?utf-8?Q?\xc3\xa4=C3=A4?=", "koi8-r") == "ää"


@pytest.mark.parametrize(
    ("raw", "charset", "text"),
    [
        ("Привет".encode("koi8-r"), "koi8-r", "Привет"),
        ("一些".encode("gbk"), "gb2312", "一些"),  # UTF-8 as well, of two odd letters
        ("Grüße".encode(), "euc-jp", "Grüße"),
        ("Grüße".encode(), "us-ascii", "Grüße"),
        ("Grüße".encode(), "utf-16le", "Grüße"),
        ("Grüße".encode(), "no-such", "Grüße"),
        ("Grüße".encode("cp1252"), "utf-8", "Grüße"),
        ("„Größe“".encode("cp1252"), None, "„Größe“"),
        (JAPANESE.encode("iso-2022-jp"), "iso-2022-jp", JAPANESE),
        ("十".encode("cp932") + b"\xff" + "月".encode("cp932"), "shift_jis", "十\ufffd月"),
        (b"caf" + b"\xe9 " + b(JAPANESE.encode("gb18030"), "gb18030"), None, f"café {JAPANESE}"),
    ],
)
def test_raw_bytes_are_read_as_content_type_says_where_that_decodes(raw: bytes, charset: str, text: str) -> None:
    assert decode_field(raw, charset) == text


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (b"=?utf-7?Q?+AGE-?=", "+AGE-"),
        (b"=?punycode?Q?mnchen-3ya?=", "mnchen-3ya"),
        (b"=?unknown-8bit?Q?Gr=C3=BC=C3=9Fe?=", "Grüße"),
        (b"=?x-nobody?Q?Gr=FC=DFe?=", "Grüße"),
        (b"=?utf-8?Q?really??=", "really?"),
        (b"=?utf-8?Q?a?b?= =?utf-8?Q?c?=", "a?bc"),
        (b"=?utf-8?B?4pyT?= =?utf-8?X?YQ==?=", "✓ =?utf-8?X?YQ==?="),
        (b"=?utf-8?B?Y W\tJi?=", "abb"),
        (b"=?utf-8?Q??=x", "x"),
        (b"a =?utf-8?Q?b", "a =?utf-8?Q?b"),
        (b"=?utf-16?B?//5hAGIA?=", "ab"),
    ],
)
def test_odd_words(word: bytes, text: str) -> None:
    assert decode_field(word) == text


@pytest.mark.parametrize("junk", [b"=?a?q?x", b"=?utf-8?B?Y?= ", b"=?a?q??", b"=?utf-8?q?=?= ", b"=?" + b"a" * 60])
@pytest.mark.timeout(10)
def test_a_field_of_words_costs_linear_time(junk: bytes) -> None:
    assert decode_field(junk * (160_000 // len(junk)))


@pytest.mark.parametrize(
    ("field", "label"),
    [
        (b"text/plain; charset=koi8-r", "koi8-r"),
        (b'text/plain;\r\n\tCharset = "GB2312"; format=flowed', "GB2312"),
        (b"text/plain; charset='utf-8'", "utf-8"),
        (b"text/plain; x-charset=a", None),
        (b"multipart/mixed; boundary=x", None),
        (b"", None),
    ],
)
def test_the_label_of_a_content_type(field: bytes, label: str | None) -> None:
    assert charset_of(field) == label
