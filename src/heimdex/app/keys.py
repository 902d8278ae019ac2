"""Keys of programs: the same for the command line and the server."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from heimdex.entities.ids import new_id, uuid_of
from heimdex.errors import NotFound, UsageError
from heimdex.store import keys
from heimdex.store.database import Database
from heimdex.store.keys import HINT_LENGTH, PREFIX, SCOPES, Key, NewKey
from heimdex.store.tokens import new_token, token_hash

DAY_S = 86_400.0
MAX_NAME = 200  # characters
MAX_DAYS = 36_500.0
MOST_KEYS = 100  # valid ones, of one user


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyWish:
    """A key to be made. `user_id` None: of the library itself. `days` None: until it is revoked."""

    name: str
    scopes: Sequence[str] = ("read",)
    user_id: str | None = None
    days: float | None = None


class Keys:
    """Makes, lists and revokes the keys of libraries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, owner: str, wish: KeyWish) -> tuple[Key, str]:
        """A new key, and its secret, which cannot be had again. Raises UsageError."""
        name = " ".join(wish.name.split())
        if not name or len(name) > MAX_NAME or not name.isprintable():
            raise UsageError(f"The name of a key has 1 to {MAX_NAME} characters that can be seen.")
        unknown = sorted(set(wish.scopes) - set(SCOPES))
        if unknown or not wish.scopes:
            raise UsageError(
                f"A key is for one or more of {', '.join(SCOPES)}, not {', '.join(unknown) or 'none'}."
            )
        if wish.days is not None and not 0 < wish.days <= MAX_DAYS:
            raise UsageError(f"A key is valid for more than 0 and at most {MAX_DAYS:.0f} days.")
        self._check_room(owner, wish.user_id)
        secret = new_token(PREFIX)
        new = NewKey(
            key_id=new_id(),
            user_id=wish.user_id,
            name=name,
            key_hash=token_hash(secret),
            hint=secret[:HINT_LENGTH],
            scopes=[scope for scope in SCOPES if scope in wish.scopes],
            valid_s=None if wish.days is None else wish.days * DAY_S,
        )
        self._database.run(owner, lambda connection: keys.add_key(connection, owner, new))
        made = next(key for key in self.list(owner) if key.key_id == new.key_id)
        return made, secret

    def _check_room(self, owner: str, user_id: str | None) -> None:
        """Each key has its own limit of requests: who could make any number would have none."""
        now = datetime.now(UTC)
        valid = [
            key
            for key in self.list(owner, user_id or "")
            if key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
        ]
        if len(valid) >= MOST_KEYS:
            raise UsageError(
                f"There are {len(valid)} keys already; revoke some that are not needed any more."
            )

    def list(self, owner: str, user: str | None = None) -> list[Key]:
        """The keys of a library, or of one user in it ("": of the library itself), the newest first."""
        return self._database.run(owner, lambda connection: keys.list_keys(connection, owner, user))

    def revoke(self, owner: str, key_id: str, user: str | None = None) -> None:
        """Make a key invalid from the next request on. Raises NotFound."""
        known = uuid_of(key_id)
        found = known is not None and self._database.run(
            owner, lambda connection: keys.revoke_key(connection, owner, known, user)
        )
        if not found:
            raise NotFound("There is no such key.")
