"""What becomes of messages, as a mail client reads them, and of bytes that are nobody's business."""

from __future__ import annotations

import base64
import email
import email.policy
import quopri
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from functions.starters.src.house_style.mime import UnreadableError, parse
from functions.starters.src.house_style.restyle import restyle
from functions.starters.src.house_style.settings import Settings

if TYPE_CHECKING:
    from email.message import EmailMessage

TEXT: Final = "Confidential. Not for you? Delete it."
ALL: Final = {"SUBJECT_TAG": "[External]", "DISCLAIMER_TEXT": TEXT, "FORBIDDEN_EXTENSIONS": "exe, .js *.scr"}
RUSSIAN: Final = "Только для вас"
HEAD: Final = b"Received: from x\r\n\tby y; now\r\nFrom: A <a@x.example>\r\nSubject: Hello\r\nMIME-Version: 1.0\r\n"


def styled(raw: bytes, **variables: str) -> bytes:
    return restyle(raw, Settings.read(variables)).content


def disclaimed(raw: bytes, text: str = TEXT) -> bytes:
    return styled(raw, DISCLAIMER_TEXT=text)


def read(raw: bytes) -> EmailMessage:
    message: Any = email.message_from_bytes(raw, policy=email.policy.default)
    assert not [part.defects for part in message.walk() if part.defects]
    return message  # type: ignore[no-any-return]


def crlf(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()


def multipart(kind: str, *parts: bytes, head: bytes = HEAD) -> bytes:
    inner = b"".join(b"--b1\r\n" + part + b"\r\n" for part in parts)
    return (
        head
        + f'Content-Type: multipart/{kind}; boundary="b1"\r\n\r\npreamble\r\n'.encode()
        + inner
        + b"--b1--\r\nepilogue"
    )


PLAIN: Final = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nGr\xc3\xbc\xc3\x9fe"
HTML: Final = b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><body><p>Hi</p></BODY></html>\r\n"


class TestSubject:
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (b"Subject: Hello\r\n", b"Subject: [External] Hello\r\n"),
            (b"Subject:Hello\r\n", b"Subject: [External] Hello\r\n"),
            (b"SUBJECT:  Hello\r\n", b"SUBJECT: [External]  Hello\r\n"),
            (b"Subject:\r\n", b"Subject: [External]\r\n"),
            (b"Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n", b"Subject: [External] =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\n"),
            (b"Subject: one\r\n two\r\n", b"Subject: [External] one\r\n two\r\n"),
            (b"Subject: " + b"x" * 60 + b"\r\n", b"Subject: [External]\r\n " + b"x" * 60 + b"\r\n"),
            (b"Subject: Hello\n", b"Subject: [External] Hello\n"),
            (b"Subject: Re: [EXTERNAL] Hello\r\n", b"Subject: Re: [EXTERNAL] Hello\r\n"),
            (
                b"Subject: =?utf-8?B?UmU6IFtFeHRlcm5hbF0gSA==?=\r\n",
                b"Subject: =?utf-8?B?UmU6IFtFeHRlcm5hbF0gSA==?=\r\n",
            ),
        ],
    )
    def test_the_tag_comes_first_and_only_once(self, before: bytes, after: bytes) -> None:
        rest = b"To: b@y.example\n\nbody\n"
        tagged = styled(b"From: a@x.example\n" + before + rest, SUBJECT_TAG="[External]")
        assert tagged == b"From: a@x.example\n" + after + rest
        assert styled(tagged, SUBJECT_TAG="[External]") == tagged

    def test_a_message_without_subject_gets_one(self) -> None:
        tagged = styled(b"From: a@x.example\r\n\r\nbody", SUBJECT_TAG="[E]")
        assert tagged == b"From: a@x.example\r\nSubject: [E]\r\n\r\nbody"

    @pytest.mark.parametrize("subject", ["Hello", "=?utf-8?B?R3LDvMOfZQ==?="])
    def test_a_tag_beyond_ascii_keeps_its_distance(self, subject: str) -> None:
        tagged = styled(f"Subject: {subject}\r\n\r\n".encode(), SUBJECT_TAG="[Ünsicher]")
        tagged.decode("ascii")
        assert read(tagged)["Subject"].split() == ["[Ünsicher]", {"Hello": "Hello"}.get(subject, "Grüße")]


class TestDisclaimer:
    def test_a_plain_text_gets_it_at_its_end_and_keeps_every_byte(self) -> None:
        raw = HEAD + b"\r\nHi  there \r\n.\r\n"
        assert disclaimed(raw) == raw + b"\r\nConfidential. Not for you? Delete it.\r\n"

    @pytest.mark.parametrize("raw", [b"Subject: x\r\n\r\n", b"\r\n"])
    def test_an_empty_text_gets_it_too(self, raw: bytes) -> None:
        assert disclaimed(raw) == raw + b"\r\n" + TEXT.encode() + b"\r\n"

    @pytest.mark.parametrize("raw", [b"Subject: x\r\n", multipart("mixed", b"Content-Type: text/plain")])
    def test_a_message_without_a_body_gets_none(self, raw: bytes) -> None:
        assert disclaimed(raw) == raw

    def test_line_ends_are_the_messages(self) -> None:
        assert disclaimed(b"Subject: x\n\nHi\n") == b"Subject: x\n\nHi\n\n" + TEXT.encode() + b"\n"

    @pytest.mark.parametrize(
        ("body", "expected"),
        [
            (b"<HTML><Body>Hi</Body></HTML>", b"<HTML><Body>Hi\r\n<p>a &lt; b</p>\r\n</Body></HTML>"),
            (b"Hi</html>", b"Hi\r\n<p>a &lt; b</p>\r\n</html>"),
            (b"<p>Hi", b"<p>Hi\r\n<p>a &lt; b</p>\r\n"),
            (b"<body>a</body><body>b</body>", b"<body>a</body><body>b\r\n<p>a &lt; b</p>\r\n</body>"),
        ],
    )
    def test_html_gets_it_before_the_end_of_its_body(self, body: bytes, expected: bytes) -> None:
        head = b"Content-Type: text/html\r\n\r\n"
        assert disclaimed(head + body, "a < b") == head + expected

    def test_its_own_html_is_used_where_it_is_given(self) -> None:
        raw = b"Content-Type: text/html\r\n\r\n<body></body>"
        assert b"<b>x</b>" in styled(raw, DISCLAIMER_TEXT="x", DISCLAIMER_HTML="<b>x</b>")

    def test_every_alternative_gets_it_and_nothing_else_is_touched(self) -> None:
        picture = b"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo="
        related = (
            b"Content-Type: multipart/related; boundary=b2\r\n\r\n--b2\r\n"
            + HTML
            + b"\r\n--b2\r\n"
            + picture
            + b"\r\n--b2--\r\n"
        )
        raw = multipart("alternative", PLAIN, related, b"Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR")
        after = disclaimed(raw)
        message = read(after)
        plain, html = message.get_body(("plain",)), message.get_body(("html",))
        assert plain is not None
        assert html is not None
        assert plain.get_content() == f"Grüße\r\n\r\n{TEXT}\r\n"
        assert f"<p>{TEXT}</p>\n</BODY>" in html.get_content().replace("\r\n", "\n")
        added = (f"\r\n\r\n{TEXT}\r\n".encode(), f"\r\n<p>{TEXT}</p>\r\n".encode())
        assert after.replace(added[0], b"").replace(added[1], b"") == raw

    def test_of_a_mixed_message_the_text_gets_it_and_attached_texts_do_not(self) -> None:
        attached = b"Content-Type: text/plain\r\nContent-Disposition: attachment; filename=a.txt\r\n\r\nattached"
        raw = multipart("mixed", attached, PLAIN, HTML)
        assert disclaimed(raw) == raw.replace(
            b"Gr\xc3\xbc\xc3\x9fe", b"Gr\xc3\xbc\xc3\x9fe\r\n\r\n" + TEXT.encode() + b"\r\n"
        )

    @pytest.mark.parametrize(
        ("encoding", "encode"),
        [
            ("base64", base64.encodebytes),
            ("quoted-printable", quopri.encodestring),
            ("8bit", bytes),
            ("BINARY", bytes),
        ],
    )
    @pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "windows-1252", "koi8-r", "shift_jis", "gb18030"])
    def test_encodings_and_charsets_stay(self, encoding: str, encode: Any, charset: str) -> None:
        words = {"koi8-r": "Привет = мир", "shift_jis": "こんにちは表", "gb18030": "你好 = 世界"}.get(
            charset, "Grüße = 5"
        )
        for kind, text in (("plain", f"{words}\r\n"), ("html", f"<body>{words}{'x' * 90}</body>\r\n")):
            head = f"Content-Type: text/{kind}; charset={charset}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
            raw = head.encode() + encode(text.encode(charset))
            after = disclaimed(raw)
            assert after.startswith(head.encode())
            part = email.message_from_bytes(after)
            content: Any = part.get_payload(decode=True)
            added = f"\r\n{TEXT}\r\n" if kind == "plain" else f"\r\n<p>{TEXT}</p>\r\n"
            place = text.find("</body>") if kind == "html" else len(text)
            assert content.decode(charset).replace("\n", "").replace("\r", "") == (
                text[:place] + added + text[place:]
            ).replace("\n", "").replace("\r", "")

    def test_a_text_without_letters_for_it_is_written_anew_in_utf_8(self) -> None:
        raw = b'Content-Type: text/plain; charset="iso-8859-1"; format=flowed\r\nContent-Transfer-Encoding: 8bit\r\n'
        after = read(disclaimed(raw + b"\r\nGr\xfc\xdfe\r\n", RUSSIAN))
        assert after.get_content() == f"Grüße\r\n\r\n{RUSSIAN}\r\n"
        assert (after.get_content_charset(), after.get_param("format")) == ("utf-8", "flowed")

    @pytest.mark.parametrize(
        "head", [b"", b"Content-Type: text/plain\r\n", b"MIME-Version: 1.0\r\nContent-Type: text/plain\r\n"]
    )
    def test_a_text_of_seven_bits_is_written_anew_for_more(self, head: bytes) -> None:
        after = disclaimed(head + b"Subject: x\r\n\r\nHi\r\n", "für Sie")
        after.decode("ascii")
        assert read(after).get_content() == "Hi\r\n\r\nfür Sie\r\n"

    @pytest.mark.parametrize("parameters", ['name="a; charset=x"; charset=iso-8859-5', "charset*=us-ascii'en'us-ascii"])
    def test_a_charset_that_cannot_be_renamed_keeps_its_text(self, parameters: str) -> None:
        raw = f"Content-Type: text/plain; {parameters}\r\n\r\nHi\r\n".encode()
        assert disclaimed(raw, "für Sie") == raw

    def test_html_of_another_charset_gets_references(self) -> None:
        raw = b"Content-Type: text/html; charset=us-ascii\r\n\r\n<body></body>"
        assert "<p>für 你</p>".encode("ascii", "xmlcharrefreplace") in disclaimed(raw, "für 你")

    @pytest.mark.parametrize(
        "head",
        [
            b"Content-Type: text/plain; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n//5IAGkA",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nbegin",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nabcde",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGk=\r\nYWJj\r\n",
            b"Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\naGkh\r\n--\r\nlist footer hei\r\n",
            b"Content-Type: image/png\r\n\r\npicture",
            multipart("report", PLAIN),
        ],
    )
    def test_an_unknown_structure_stays_unchanged(self, head: bytes) -> None:
        assert disclaimed(head) == head

    @pytest.mark.parametrize("charset", ["nobody-knows", "us-ascii", "utf-8"])
    def test_a_wrong_charset_label_is_not_used(self, charset: str) -> None:
        raw = (
            f"Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n".encode()
            + b"\xff\xfe\r\n"
        )
        assert disclaimed(raw) == raw + b"\r\n" + TEXT.encode() + b"\r\n"

    def test_lines_are_wrapped_words_are_not(self) -> None:
        url = "https://example.com/" + "x" * 100
        lines = disclaimed(b"\r\n", f"{'word ' * 40}{url}").decode().splitlines()
        assert url in lines
        assert all(len(line) <= 72 for line in lines if line != url)

    def test_flowed_text_does_not_look_quoted_nor_soft(self) -> None:
        raw = b"Content-Type: text/plain; format=flowed\r\n\r\nHi \r\n"
        assert disclaimed(raw, "> one\\nFrom two  \\nthree") == raw + b"\r\n > one\r\n From two\r\nthree\r\n"

    def test_a_text_with_the_disclaimer_does_not_get_it_again(self) -> None:
        once = disclaimed(multipart("alternative", PLAIN, HTML))
        assert disclaimed(once) == once


class TestAttachments:
    @pytest.mark.parametrize(
        "field",
        [
            b'Content-Disposition: attachment; filename="a.exe"',
            b"Content-Disposition: attachment; filename=A.EXE",
            b'Content-Disposition: inline; filename="a.exe. ."',
            b'Content-Type: application/x; name="a.txt.js"',
            b"Content-Disposition: attachment; filename*=utf-8''%C3%BC%2Eexe",
            b"Content-Disposition: attachment; filename*0=a.e; filename*1=xe",
            b'Content-Disposition: attachment; filename="=?utf-8?B?w7wuZXhl?="',
            b'Content-Disposition: attachment; filename="a.pdf"\r\nContent-Type: x/y; name="a.scr"',
            b'Content-Disposition: attachment;\r\n\tfilename="a\x01.exe"',
            b"Content-Disposition: attachment; filename=a.txt; filename*=utf-8''a.exe",
        ],
    )
    def test_any_name_that_is_forbidden_takes_the_part_out(self, field: bytes) -> None:
        raw = multipart("mixed", PLAIN, field + b"\r\n\r\nMZ-the-program", HTML)
        after = styled(raw, FORBIDDEN_EXTENSIONS=ALL["FORBIDDEN_EXTENSIONS"])
        assert b"MZ-the-program" not in after
        parts: Any = list(read(after).iter_parts())
        assert len(parts) == 3
        assert "was removed" in parts[1].get_content()
        before, _, behind = raw.partition(field + b"\r\n\r\nMZ-the-program")
        assert after.startswith(before)
        assert after.endswith(behind)

    @pytest.mark.parametrize("name", ["exe", "a.exe.txt", "a.ex", "note.json", ""])
    def test_other_names_stay(self, name: str) -> None:
        part = f'Content-Disposition: attachment; filename="{name}"\r\n\r\nx'.encode()
        raw = multipart("mixed", PLAIN, part)
        assert styled(raw, FORBIDDEN_EXTENSIONS="exe js") == raw

    def test_a_message_that_is_nothing_but_the_file_keeps_its_other_fields(self) -> None:
        raw = (
            HEAD
            + b"Content-Type: application/x; name=a.exe\r\nContent-Transfer-Encoding: base64\r\n"
            + b"X-Last: 1\r\n\r\nTVo=\r\n"
        )
        after = read(styled(raw, FORBIDDEN_EXTENSIONS="exe"))
        assert after.get_content().startswith("The attachment 'a.exe' was removed")
        assert (after["From"], after["X-Last"]) == ("A <a@x.example>", "1")

    def test_forwarded_messages_are_looked_into(self) -> None:
        inner = multipart("mixed", PLAIN, b"Content-Disposition: attachment; filename=a.exe\r\n\r\nMZ").replace(
            b"b1", b"b9"
        )
        raw = multipart("mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + inner)
        after = styled(raw, FORBIDDEN_EXTENSIONS="exe")
        assert b"\r\nMZ" not in after
        read(after)

    @pytest.mark.parametrize(
        "inner",
        [
            b"From bob Tue May 10 11:28:07 2005\r\nSubject: x\r\n\r\nx",
            b"Content-Type: multipart/mixed; boundary=no\r\n\r\nend",
            b"Content-Type: text/plain; charset*=\"\xff'x'y\"\r\n\r\n",
        ],
    )
    def test_an_attached_message_that_is_none_is_a_file(self, inner: bytes) -> None:
        raw = multipart("mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + inner)
        after = styled(raw, **ALL)
        assert TEXT.encode() in after
        assert inner in after

    def test_a_forwarded_message_gets_no_disclaimer(self) -> None:
        raw = multipart("mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner text")
        assert disclaimed(raw).count(TEXT.encode()) == 1


class TestSealed:
    @pytest.mark.parametrize(
        "raw",
        [
            multipart(
                'signed; protocol="application/pkcs7-signature"',
                PLAIN,
                b"Content-Type: application/pkcs7-signature\r\n\r\nx",
            ),
            multipart("encrypted", PLAIN),
            multipart("mixed", multipart("signed", PLAIN, head=b"").replace(b"b1", b"b2")),
            HEAD + b"Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\r\nx",
            HEAD + b"\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n",
            HEAD
            + b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(b"-----BEGIN PGP MESSAGE-----\r\n"),
        ],
    )
    def test_signed_and_encrypted_mail_is_left_alone(self, raw: bytes) -> None:
        result = restyle(raw, Settings.read(ALL))
        assert (result.content, result.done) == (raw, ("signed or encrypted: left alone",))

    def test_a_signed_message_that_is_attached_stays_whole_and_the_rest_does_not(self) -> None:
        signed = multipart("signed", b"Content-Disposition: attachment; filename=a.exe\r\n\r\nMZ").replace(b"b1", b"b3")
        raw = multipart("mixed", PLAIN, b"Content-Type: message/rfc822\r\n\r\n" + signed)
        after = styled(raw, **ALL)
        assert signed in after
        assert TEXT.encode() in after


class TestSettings:
    def test_nothing_asked_is_nothing_done(self) -> None:
        raw = multipart("mixed", PLAIN, HTML)
        assert restyle(raw, Settings.read({})).content == raw

    @pytest.mark.parametrize(
        "variables", [{"SUBJECT_TAG": "x" * 61}, {"DISCLAIMER_TEXT": "x" * 901}, {"DISCLAIMER_HTML": "x" * 901}]
    )
    def test_a_setting_that_is_too_long_for_a_line_of_mail_is_refused(self, variables: dict[str, str]) -> None:
        with pytest.raises(ValueError, match="longer than"):
            Settings.read(variables)

    def test_a_tag_of_several_lines_is_one(self) -> None:
        assert Settings.read({"SUBJECT_TAG": "[a]\r\n X: y"}).subject_tag == "[a] X: y"


class TestHostileMessages:
    @pytest.mark.parametrize(
        "raw",
        [
            b"no header line\r\n\r\nbody",
            b"",
            b"Subject: no end",
            b" continued\r\n\r\n",
            HEAD + b"Content-Type: multipart/mixed\r\n\r\n--b1\r\n\r\n--b1--",
            HEAD + b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b1\r\n\r\nno end",
            HEAD + b"Content-Type: multipart/mixed; boundary=b1\r\n\r\n--b11--\r\n",
            b"X: " + b"y" * 2**20 + b"\r\n\r\n",
            b"Content-Type: text/plain" + b";" * 8192 + b"\r\n\r\n",  # reading it costs its square
        ],
    )
    def test_a_message_that_is_not_mime_is_unreadable(self, raw: bytes) -> None:
        with pytest.raises(UnreadableError):
            restyle(raw, Settings.read(ALL))

    def test_parts_within_parts_end_somewhere(self) -> None:
        raw = b"Content-Type: text/plain\r\n\r\nx"
        for depth in range(40):
            mark = f"b{depth}x".encode()
            raw = (
                b"Content-Type: multipart/mixed; boundary="
                + mark
                + b"\r\n\r\n--"
                + mark
                + b"\r\n"
                + raw
                + b"\r\n--"
                + mark
                + b"--"
            )
        with pytest.raises(UnreadableError, match="too many parts"):
            restyle(raw, Settings.read(ALL))

    def test_a_message_is_searched_once_however_many_marks_look_like_boundaries(self) -> None:
        class Counted(bytes):
            searched = 0

            def find(self, mark: Any, start: Any = 0, end: Any = None) -> int:
                found = super().find(mark, start, end)
                Counted.searched += (len(self) if found < 0 else found) - start
                return found

        raw = Counted(multipart("mixed", b"\r\n" + b"--b1" * 1000))
        parse(raw)
        assert Counted.searched < 5 * len(raw)

    def test_thousands_of_parts_are_too_many(self) -> None:
        with pytest.raises(UnreadableError, match="too many parts"):
            parse(multipart("mixed", *[PLAIN] * 3000))

    # Pieces of mail in any order: more of them mean something to the parser than in bytes by chance.
    PIECES = (
        *(b"Subject: x", b"Content-Type: ", b"multipart/mixed; boundary=", b"b1", b'"', b"--b1", b"--b1--"),
        *(b"\r\n", b"\n", b"\r\n\r\n", b"text/html", b"text/plain; charset=", b"utf-8", b"utf-16", b"name*0*="),
        *(b"filename=a.exe", b"Content-Disposition: attachment; ", b"Content-Transfer-Encoding: ", b"base64", b"="),
        *(b"quoted-printable", b"=?utf-8?Q?=", b"?=", b"</body>", b"\xff", b"\x00", b" ", b"%", b"message/rfc822"),
        *(b"; charset*=x'y'z", b"''", b"-----BEGIN PGP "),
    )

    @given(st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))
    @example(b"Content-Type: text/plain; charset*=\"\xff'x'y\"\r\n\r\n")
    @example(b"Content-Type: text/plain; charset=a\x00b\r\n\r\n")
    @example(b"Content-Type: text/html; charset=idna\r\n\r\n\xff")
    @example(b"Content-Type: text/plain; charset=rot13\r\n\r\nx")
    @example(b"Subject: =?utf-8?B?abcde?=\r\n\r\n")
    @example(b'Content-Disposition: attachment; filename="=?utf-8?B?abcde?="\r\n\r\n')
    @settings(max_examples=400, deadline=None)
    def test_nothing_crashes_and_nothing_is_lost(self, raw: bytes) -> None:
        try:
            after = restyle(raw, Settings.read({**ALL, "FORBIDDEN_EXTENSIONS": ""})).content
        except UnreadableError:
            return
        assert len(after) >= len(raw) or b"base64" in raw
