"""HTML as plain text: what is shown, and any text whatever."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.model.html_text import is_html, plain, says_something
from postroom.model.out_of_office import MAX_TEXT_BYTES


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>Hello,</p>\r\n<p>&nbsp;</p>\n<p>bye</p>", "Hello,\n\nbye"),
        ("<div><div>one</div>two<br>three<BR/>four</div>", "one\ntwo\nthree\nfour"),
        ("a<br><br>b", "a\n\nb"),
        ("<b>bold</b>\n  and   <i>more</i> ", "bold and more"),
        ("<ul><li>a</li><li>b</li></ul>after", "- a\n- b\nafter"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<html><head><title>t</title><STYLE>p {}</Style></head><body lang=EN>x</body></html>", "x"),
        ("a<style>b</style>c<script>d < e</script>f", "acf"),
        ("a<!-- b > c -->d<!doctype html>e<?xml f?>g<![if !vml]>h", "adegh"),
        ("&lt;b&gt; &amp;amp; &uuml;&#252;&#xFC; &unknown; &", "<b> &amp; üüü &unknown; &"),
        ("1 < 2, <3 and a<", "1 < 2, <3 and a<"),
        ("<a href='http://x.example/'>here</a><o:p></o:p>", "here"),
        ("&#0;&#1114112;&#9999999;&#99999999999999;", "\ufffd\ufffd\ufffd\ufffd9999999;"),
        ("İ<style>x</style>y", "İy"),
        ("<p>x<style>y", "x"),
        ("<p>x<!-- y", "x"),
        ("<p>x<b y", "x"),
        ("", ""),
        ("<p> \n</p>", ""),
    ],
)
def test_html_becomes_text(html: str, text: str) -> None:
    assert plain(html) == text


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<html>", True),
        ("Hello<br>you", True),
        ('<P CLASS="x">', True),
        ("</div>", True),
        ("<br/>", True),
        ("write to <ada@example.com> or <b@example.com>", False),
        ("1 < 2 and 3 > 2", False),
        ("<pre-release>", False),
        ("<article>", False),
        ("", False),
    ],
)
def test_a_tag_makes_html(text: str, found: bool) -> None:
    assert is_html(text) is found


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x", True),
        (" \n", False),
        ("<html><body><p>&nbsp;</p><br></body></html>", False),
        ("<p>x</p>", True),
        ('<p><IMG src="x"></p>', True),
        ("<p><style>x</style></p>", False),
    ],
)
def test_a_text_says_something(text: str, says: bool) -> None:
    assert says_something(text) is says


PIECES = st.sampled_from(
    [
        "<",
        ">",
        "<p",
        "</p>",
        "<br>",
        "<!--",
        "-->",
        "<style>",
        "</style>",
        "&",
        "&#",
        "&#9;",
        "&nbsp;",
        "\n",
        " ",
        "ü",
        '"',
    ]
)


@given(st.one_of(st.text(), st.lists(PIECES).map("".join)))
def test_any_text_is_taken(text: str) -> None:
    shown = plain(text)
    assert not shown.startswith("\n")
    assert not any(line.endswith(" ") for line in shown.split("\n"))
    assert says_something(text) in {True, False}


@pytest.mark.parametrize(
    "piece",
    ["<", "<p ", "<p <", "<!--", "<style>", "&", "&#9", '<a "', "</p>", "<br>", "x", "<p>x", "<li>", "\xa0", "<b "],
)
def test_the_longest_text_takes_a_moment(piece: str) -> None:
    text = piece * (MAX_TEXT_BYTES // len(piece))
    begun = time.process_time()
    says_something(text)
    assert time.process_time() - begun < 3
