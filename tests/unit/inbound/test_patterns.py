"""Patterns of mail flow rules: their forms, and the addresses that they match. Source: guide, ZH:3833-3859."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroom.errors import InvalidPatternError
from postroom.model.addresses import Address
from postroom.model.rule_index import RuleSet, recipient_key, sender_keys
from postroom.model.rules import Direction, Pattern, Specificity
from tests.support.rules import DROP, rule


def means(pattern: str, address: str) -> bool:
    """Say whether a rule with this sender pattern and no other catches mail from an address."""
    rules = RuleSet([rule(DROP, pattern)], Direction.INBOUND)
    sender, recipient = Address.parse(address), Address.parse("ann@acme.test")
    assert sender is not None
    assert recipient is not None
    return "ann" in rules.decide((), [sender], {"ann": recipient})


@pytest.mark.parametrize(
    ("pattern", "meant", "not_meant"),
    [
        # ZH:3835 an address means one address
        ("mailbox@example.com", ["mailbox@example.com"], ["other@example.com", "mailbox@mail.example.com"]),
        # ZH:3839 a domain means every address of it, and none of its subdomains
        ("example.com", ["a@example.com", "b@example.com"], ["a@mail.example.com", "a@example.com.evil.test"]),
        # ZH:3843 a wildcard domain means the domain and all its subdomains
        (
            "*.example.com",
            ["a@example.com", "a@mail.example.com", "a@deep.mail.example.com"],
            ["a@badexample.com", "a@com", "a@example.com.evil.test"],
        ),
        # ZH:3849 an asterisk means every address of every domain
        ("*", ["a@example.com", "b@[192.0.2.1]", '"a b"@x.test'], []),
    ],
)
def test_each_form_means_its_addresses_and_no_others(pattern: str, meant: list[str], not_meant: list[str]) -> None:
    assert [address for address in meant if not means(pattern, address)] == []
    assert [address for address in not_meant if means(pattern, address)] == []


@pytest.mark.parametrize("pattern", ["a+b@example.com", "+@example.com", "a@exa+mple.com", "+", "exa+mple.com"])
def test_a_plus_is_not_valid_in_a_pattern(pattern: str) -> None:  # ZH:3857
    with pytest.raises(InvalidPatternError, match=r"\+ symbol is not valid"):
        Pattern.parse(pattern)


@pytest.mark.parametrize(
    "pattern",
    ["*@example.com", "mail*.example.com", "mail.*.com", "*.*.com", "**", "*.", "example.*", "a@*.example.com"],
)
def test_a_wildcard_is_allowed_only_before_a_domain(pattern: str) -> None:  # ZH:3843
    with pytest.raises(InvalidPatternError):
        Pattern.parse(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        " ",
        "@",
        "@example.com",
        "ann@",
        "ann",
        "ann@example.com,ben@example.com",
        "<ann@example.com>",
        "Ann <ann@example.com>",
        "a b@example.com",
        '"a b"@example.com',
        "a@b@example.com",
        "a..b@example.com",
        ".a@example.com",
        "exam ple.com",
        "example..com",
        "-example.com",
        "example.com\r\nX: y",
        "a\0@example.com",
        "a@exa\0mple.com",
        "a@[192.0.2.1]",
        "é@example.com",
        "https://example.com/",
        f"{'a' * 65}@example.com",
        f"{'a' * 64}.com",
        f"{'a.' * 127}com",
    ],
)
def test_a_pattern_that_matches_no_address_is_refused_with_a_reason(pattern: str) -> None:
    with pytest.raises(InvalidPatternError) as refused:
        Pattern.parse(pattern)
    assert refused.value.pattern == pattern
    assert refused.value.why
    assert "\n" not in refused.value.cause


@pytest.mark.parametrize(
    ("given", "text", "specificity"),
    [
        (" Mailbox@EXAMPLE.com ", "mailbox@example.com", Specificity.ADDRESS),
        ("Bücher.Example", "xn--bcher-kva.example", Specificity.DOMAIN),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", Specificity.DOMAIN),
        ("*.BÜCHER.example.", "*.xn--bcher-kva.example", Specificity.WILDCARD),
        ("a_b!#$%&'/=?^`{|}~-@_dmarc.example", "a_b!#$%&'/=?^`{|}~-@_dmarc.example", Specificity.ADDRESS),
        ("*", "*", Specificity.ANY),
    ],
)
def test_a_pattern_has_one_way_to_be_written(given: str, text: str, specificity: Specificity) -> None:
    assert Pattern.parse(given) == Pattern(text, specificity) == Pattern.stored(text)


def test_a_unicode_domain_in_a_header_matches_its_pattern_in_a_labels() -> None:
    assert means("bücher.example", "a@BÜCHER.example")
    assert means("*.xn--bcher-kva.example", "a@news.bücher.example")


def test_a_pattern_means_an_address_in_any_case_and_with_quotes_that_are_not_needed() -> None:
    assert means("ann@example.com", "ANN@Example.COM")
    assert means("ann@example.com", '"ann"@example.com')
    assert means("ann@example.com", '"a\\nn"@example.com')
    assert not means("ann@example.com", '"ann "@example.com')


@given(st.text(max_size=30))
def test_any_text_is_a_pattern_or_refused_and_a_pattern_stays_itself(text: str) -> None:
    try:
        pattern = Pattern.parse(text)
    except InvalidPatternError:
        return
    assert Pattern.parse(pattern.text) == pattern == Pattern.stored(pattern.text)
    assert pattern.text.isascii()
    assert pattern.text.isprintable()


@given(st.text('ab.*@+-"\\é \0', max_size=12))
def test_hostile_addresses_have_few_keys_and_the_last_is_the_asterisk(text: str) -> None:
    address = Address.parse(text)
    if address is not None:
        keys = list(sender_keys(address))
        assert keys[-1] == "*"
        assert len(keys) <= 4 + address.domain.count(".")
        assert recipient_key(address) == str(address.without_tag())


def test_a_domain_of_a_thousand_labels_has_no_more_keys_than_a_name_can_have() -> None:
    address = Address("a", "a." * 1000 + "com")
    assert len(list(sender_keys(address))) < 135
