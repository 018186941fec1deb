"""Password hashes: in memory, with argon2, and with argon2 and a memory of right passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher, extract_parameters

from postroom.adapters.aws import passwords as adapters
from postroom.adapters.aws.passwords import WITHOUT_USER, Argon2Passwords, RememberedPasswords
from postroom.adapters.memory.passwords import PlainPasswords

if TYPE_CHECKING:
    from postroom.ports.passwords import Passwords


@pytest.fixture(params=["memory", "argon2", "remembered"])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    if request.param == "memory":
        return PlainPasswords()
    argon2 = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))
    return RememberedPasswords(argon2) if request.param == "remembered" else argon2


@pytest.mark.parametrize("password", ["Correct-Horse-9", "pässwörd: Ω", " "])
def test_a_hash_is_of_its_password_alone(passwords: Passwords, password: str) -> None:
    hashed = passwords.hash(password)
    assert passwords.matches(password, hashed)
    assert not passwords.matches(f"{password}x", hashed)
    assert not passwords.matches("", hashed)


def test_each_hash_has_a_salt_of_its_own(passwords: Passwords) -> None:
    first, second = passwords.hash("Correct-Horse-9"), passwords.hash("Correct-Horse-9")
    assert first != second
    assert passwords.matches("Correct-Horse-9", second)


def test_without_a_hash_no_password_is_right(passwords: Passwords) -> None:
    assert not passwords.matches("Correct-Horse-9", None)


def test_a_damaged_hash_is_of_no_password(passwords: Passwords) -> None:
    assert not passwords.matches("Correct-Horse-9", "$argon2id$v=19$m=65536,t=3")


def test_a_comparison_without_a_hash_takes_what_one_with_a_hash_takes() -> None:
    """The parameters decide the time; hashes that exist have the library's defaults."""
    assert extract_parameters(WITHOUT_USER) == extract_parameters(Argon2Passwords().hash("x"))
    asked: list[str] = []

    class Spy(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override] # noqa: A002
            asked.append(str(hash))
            return True

    assert not Argon2Passwords(Spy()).matches("anything", None), "not even the password of that hash"
    assert asked == [WITHOUT_USER]


def test_a_right_password_is_compared_once_while_its_hash_is_the_same() -> None:
    slow = PlainPasswords()
    remembered = RememberedPasswords(slow)
    first, second = slow.hash("Correct-Horse-9"), slow.hash("Correct-Horse-9")
    assert [remembered.matches("Correct-Horse-9", first) for _ in range(3)] == [True] * 3
    assert slow.compared == 1
    assert remembered.matches("Correct-Horse-9", second)
    assert slow.compared == 2
    assert not remembered.matches("Correct-Horse-9", slow.hash("Battery-Staple-9"))
    assert slow.compared == 3


def test_a_wrong_password_is_compared_each_time_with_a_hash_or_without() -> None:
    slow = PlainPasswords()
    remembered, hashed = RememberedPasswords(slow), slow.hash("Correct-Horse-9")
    assert remembered.matches("Correct-Horse-9", hashed)
    for wrong, own in (("wrong", hashed), ("Correct-Horse-9", None), ("wrong", None)):
        before = slow.compared
        assert [remembered.matches(wrong, own) for _ in range(2)] == [False] * 2
        assert slow.compared == before + 2


def test_the_memory_is_bounded_and_keeps_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapters, "MOST_REMEMBERED", 2)
    slow = PlainPasswords()
    remembered = RememberedPasswords(slow)
    hashes = {name: slow.hash(name) for name in ("Secret-1", "Secret-2", "Secret-3")}
    for name in ("Secret-1", "Secret-2", "Secret-1", "Secret-3", "Secret-1"):
        assert remembered.matches(name, hashes[name])
    assert slow.compared == 3, "the one that was used last stays"
    assert remembered.matches("Secret-2", hashes["Secret-2"])
    assert slow.compared == 4
    held = {key: value for key, value in vars(remembered).items() if key != "_passwords"}
    assert b"Secret" not in repr(held).encode()
