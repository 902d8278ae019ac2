"""Passwords: which are taken, and how they are kept.

Argon2id with the second choice of RFC 9106 (64 MiB, 3 passes, 4 lanes). Rules after NIST SP 800-63B-4,
section 3.1.1.2: a minimum length, no rules on what it is composed of, nothing that is guessed first.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from heimdex.errors import RateLimited, UsageError

MIN_LENGTH, MAX_LENGTH = 15, 1024  # characters
PATIENCE_S = 10.0
AT_ONCE = 2  # each takes 64 MiB: many sign-ins at once must not take all memory


@dataclass(frozen=True, kw_only=True, slots=True)
class Verdict:
    """Whether a password is right; if so, the hash to keep in place of one with old parameters."""

    is_right: bool
    new_hash: str | None = None


class Passwords:
    """Hashes and compares. Thread-safe; at most two at once, the others wait."""

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY, *, min_length: int = MIN_LENGTH) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._min_length = min_length
        self._permits = threading.BoundedSemaphore(AT_ONCE)
        self._nobody: str | None = None

    def hash(self, password: str) -> str:
        """The hash to keep, with salt and parameters in it. Raises RateLimited where too many wait."""
        with self._permit():
            return self._hasher.hash(_normal(password))

    def check(self, password: str, kept: str | None) -> Verdict:
        """Compare with a kept hash. None, of nobody, takes as long and is never right. Raises RateLimited."""
        if len(password) > MAX_LENGTH:
            return Verdict(is_right=False)
        nobody = self._hash_of_nobody()  # also where it is not needed: the first time it takes a while
        against = kept or nobody
        with self._permit():
            try:
                self._hasher.verify(against, _normal(password))
            except (VerificationError, InvalidHashError):
                return Verdict(is_right=False)
        if kept is None:
            return Verdict(is_right=False)
        is_old = self._hasher.check_needs_rehash(kept)
        return Verdict(is_right=True, new_hash=self.hash(password) if is_old else None)

    def demand_good(self, password: str, name: str) -> None:
        """Raises UsageError, saying why, for a password that is not to be had."""
        plain, own = _normal(password).casefold(), _normal(name).casefold()
        if len(_normal(password)) < self._min_length:
            raise UsageError(
                f"A password needs {self._min_length} characters or more; a few words that do not belong "
                "together are easy to keep."
            )
        if len(password) > MAX_LENGTH:
            raise UsageError(f"A password may have {MAX_LENGTH} characters at most.")
        if plain.strip() in {own, own[::-1]} or plain.strip().replace(own, "") in {"", "heimdex"}:
            raise UsageError("The password is the name: choose one that has nothing to do with it.")
        if _is_repetition(plain) or _is_run(plain):
            raise UsageError(
                "The password repeats itself or counts up: that is guessed first. Choose another."
            )

    @contextmanager
    def _permit(self) -> Iterator[None]:
        if not self._permits.acquire(timeout=PATIENCE_S):
            raise RateLimited("Too many sign in at this moment; try again.", retry_after_s=PATIENCE_S)
        try:
            yield
        finally:
            self._permits.release()

    def _hash_of_nobody(self) -> str:
        if self._nobody is None:
            self._nobody = self.hash("nobody has this password")
        return self._nobody


def _normal(text: str) -> str:
    """One form for what looks the same, whatever keyboard typed it."""
    return unicodedata.normalize("NFKC", text)


def _is_repetition(text: str) -> bool:
    """Whether it is one shorter text again and again."""
    return text in (text + text)[1:-1]


def _is_run(text: str) -> bool:
    """Whether each character is the next of the one before: 1234, cba."""
    steps = {(ord(after) - ord(before)) % 10 for before, after in pairwise(text)}
    return len(steps) == 1
