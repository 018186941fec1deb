"""Password hashes: in memory and with argon2 alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from argon2 import PasswordHasher, extract_parameters

from postroom.adapters.aws.passwords import OF_NOBODY, Argon2Passwords
from postroom.adapters.memory.passwords import PlainPasswords

if TYPE_CHECKING:
    from postroom.ports.passwords import Passwords


@pytest.fixture(params=["memory", "argon2"])
def passwords(request: pytest.FixtureRequest) -> Passwords:
    if request.param == "memory":
        return PlainPasswords()
    return Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8, parallelism=1))


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
    assert extract_parameters(OF_NOBODY) == extract_parameters(Argon2Passwords().hash("x"))
    asked: list[str] = []

    class Spy(PasswordHasher):
        def verify(self, hash: str | bytes, password: str | bytes) -> bool:  # type: ignore[override] # noqa: A002
            asked.append(str(hash))
            return True

    assert not Argon2Passwords(Spy()).matches("anything", None), "not even the password of that hash"
    assert asked == [OF_NOBODY]
