"""Secrets that we hand out: 256 random bits, of which only the SHA-256 is stored.

A plain hash is enough for them: nobody guesses 256 bits, so nothing has to make guessing slow.
"""

from __future__ import annotations

import hashlib
import secrets

TOKEN_BYTES = 32


def new_token(prefix: str = "") -> str:
    """A new secret: the prefix and 43 characters of base64url."""
    return prefix + secrets.token_urlsafe(TOKEN_BYTES)


def token_hash(token: str) -> bytes:
    """What is stored of a secret (32 bytes)."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
