"""Passwords: what is one, and how it is kept and compared (Argon2id, RFC 9106).

Comparing takes as long for a name that nobody has as for one that somebody has, so that
time tells no names.
"""

from __future__ import annotations

import asyncio
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

SHORTEST, LONGEST = 10, 256
_FEWEST_CHARACTERS = 5
_AT_ONCE = 2
"""Comparisons at the same time: each takes 64 MiB, and nobody may use up the memory by signing in."""


class Unfit(ValueError):
    """What was given is no fit password; the text says why."""


def check(password: str, name: str) -> None:
    """Raise Unfit, with the reason, for what is too short, too plain or the name itself."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise Unfit(f"a password has {SHORTEST} to {LONGEST} characters")
    if len(set(password)) < _FEWEST_CHARACTERS:
        raise Unfit(f"a password has {_FEWEST_CHARACTERS} different characters at least")
    if name and name.casefold() in password.casefold():
        raise Unfit("a password does not contain the name")


class Passwords:
    """Hashes and compares, in threads, a few at a time."""

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash("the password of nobody")
        self._room = asyncio.Semaphore(_AT_ONCE)

    async def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        async with self._room:
            return await asyncio.to_thread(self._hasher.hash, _normal(password))

    async def fits(self, password: str, kept: str | None) -> bool:
        """Say whether a password is the one that `kept` was made of; without `kept`, no, after the same time."""
        async with self._room:
            return await asyncio.to_thread(self._compare, kept or self._nobody, _normal(password)) and kept is not None

    def _compare(self, kept: str, password: str) -> bool:
        try:
            return self._hasher.verify(kept, password)
        except (VerifyMismatchError, InvalidHashError):
            return False


def _normal(password: str) -> str:
    # The same word from another keyboard or input method is the same word.
    return unicodedata.normalize("NFKC", password)
