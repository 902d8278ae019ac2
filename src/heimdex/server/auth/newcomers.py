"""Whom of those that a provider knows we let in, and the user that is made of them."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

from heimdex.app.users import NewAccount, Users
from heimdex.errors import NotAllowed, UsageError
from heimdex.server.auth.oidc import Identity
from heimdex.server.auth.options import OidcOptions
from heimdex.store.users import User

log = logging.getLogger(__name__)

EVERYBODY = "*"
SUFFIX_LENGTH = 8  # hex digits that tell two people of one name apart


def user_of(identity: Identity, users: Users, options: OidcOptions) -> User:
    """The user that an identity stands for, made at the first time. Raises NotAllowed.

    Never one with a password who only has the same name or address: that would be a way to take them over.
    """
    if not is_welcome(identity.claims, options):
        log.warning("somebody of %s is not on the list of who may come in", identity.issuer)
        raise NotAllowed("You are known there, but not on the list of who may come in here; ask an admin.")
    known = users.known_at(identity.issuer, identity.subject)
    if known is None:
        known = _newcomer(identity, users, options)
    if not known.is_active:
        raise NotAllowed("This user is shut out; ask an admin.")
    return known


def is_welcome(claims: Mapping[str, Any], options: OidcOptions) -> bool:
    """Whether the allow-list takes them: by a verified address, or by a claim. Both set: both must fit."""
    if options.email_domains and EVERYBODY not in options.email_domains:
        email, is_verified = claims.get("email"), claims.get("email_verified")
        if not isinstance(email, str) or is_verified not in (True, "true"):
            return False
        if email.rpartition("@")[2].lower() not in options.email_domains:
            return False
    if options.claim is not None:
        name, wanted = options.claim
        found = claims.get(name)
        return wanted in found if isinstance(found, list) else found == wanted
    return True


def _newcomer(identity: Identity, users: Users, options: OidcOptions) -> User:
    if not users.exist():
        raise NotAllowed("This Heimdex is not set up yet: its first user has to be an admin with a password.")
    said = (identity.claims.get(name) for name in ("preferred_username", "email", "name"))
    name = next((one for one in said if isinstance(one, str) and one.strip()), "user")
    account = NewAccount(name=name, owner=options.library, issuer=identity.issuer, subject=identity.subject)
    try:
        return users.add(account)
    except UsageError:  # the name is taken, or cannot be one
        known = users.known_at(identity.issuer, identity.subject)  # by a second tab, just now
        if known is not None:
            return known
    digest = hashlib.sha256(f"{identity.issuer} {identity.subject}".encode()).hexdigest()[:SUFFIX_LENGTH]
    plain = "".join(letter for letter in name if letter.isprintable())[:100].strip() or "user"
    return users.add(
        NewAccount(
            name=f"{plain} {digest}",
            owner=options.library,
            issuer=identity.issuer,
            subject=identity.subject,
        )
    )
