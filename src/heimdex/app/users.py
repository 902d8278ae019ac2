"""The installation's users: the same for the command line and the server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psycopg import Connection

from heimdex.entities.ids import new_id, uuid_of
from heimdex.errors import NotAllowed, NotFound, UsageError
from heimdex.store import sessions, users
from heimdex.store.database import Database
from heimdex.store.passwords import Passwords
from heimdex.store.tokens import new_token, token_hash
from heimdex.store.users import ADMIN, MEMBER, NOBODY, NewUser, User

SET_UP_S = 24 * 3600.0
MAX_NAME = 200  # characters
SET_UP_PREFIX = "setup_"


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAccount:
    """Somebody to be made a user. `owner` None: a library of their own."""

    name: str
    password: str | None = field(default=None, repr=False)
    role: str = MEMBER
    owner: str | None = None
    issuer: str | None = None  # with `subject`, who a provider says it is
    subject: str | None = None


class Users:
    """Makes, changes and checks users. `owner` is the library of the first one."""

    def __init__(self, database: Database, *, owner: str, passwords: Passwords) -> None:
        self._database = database
        self._owner = owner
        self.passwords = passwords

    def exist(self) -> bool:
        """Whether there are any; without, nobody has to sign in on this machine."""
        return self._database.run(NOBODY, users.users_exist)

    def list(self) -> list[User]:
        """Everybody, the oldest first."""
        return self._database.run(NOBODY, users.all_users)

    def get(self, user_id: str) -> User:
        """One user. Raises NotFound."""
        known = uuid_of(user_id)
        found = None
        if known is not None:
            found = self._database.run(NOBODY, lambda connection: users.user_by_id(connection, known))
        if found is None:
            raise NotFound("There is no such user.")
        return found

    def named(self, name: str) -> User:
        """One user. Raises NotFound."""
        found = self._find(name)
        if found is None:
            raise NotFound(f"There is no user {name!r}; `heimdex users list` names those there are.")
        return found[0]

    def known_at(self, issuer: str, subject: str) -> User | None:
        """Who a provider means, if we know them."""
        return self._database.run(
            NOBODY, lambda connection: users.user_by_subject(connection, issuer, subject)
        )

    def add(self, account: NewAccount) -> User:
        """Make a user. The first one is an admin, and what is indexed already is theirs.

        Raises UsageError for a name that is taken or a password that will not do.
        """
        return self._add(account, set_up_token=None)

    def change(self, user_id: str, *, role: str | None = None, is_active: bool | None = None) -> User:
        """Another role, or let in and shut out. Raises NotFound, UsageError for the last admin."""
        user = self.get(user_id)
        if role is not None:
            _check_role(role)

        def work(connection: Connection[Any]) -> None:
            users.lock_users(connection)
            if role == MEMBER or is_active is False:
                _demand_another_admin(connection, user)
            users.change_user(connection, user, role=role, is_active=is_active)
            if is_active is False:
                sessions.end_sessions(connection, user.owner, user.user_id)

        self._database.run(user.owner, work)
        return self.get(user_id)

    def remove(self, user_id: str, *, may_be_last: bool = True) -> User:
        """Forget a user with sessions and keys; the library stays. Raises NotFound, UsageError.

        Who removes the last one opens the installation to whoever sits at its machine, or sets it up.
        """
        user = self.get(user_id)

        def work(connection: Connection[Any]) -> None:
            users.lock_users(connection)
            if not may_be_last or len(users.all_users(connection)) > 1:
                _demand_another_admin(connection, user)
            users.remove_user(connection, user)

        self._database.run(user.owner, work)
        return user

    def set_password(self, user_id: str, password: str) -> User:
        """Give another password; all sessions of the user end. Raises NotFound, UsageError."""
        user = self.get(user_id)
        self.passwords.demand_good(password, user.name)
        kept = self.passwords.hash(password)

        def work(connection: Connection[Any]) -> None:
            users.set_password_hash(connection, user, kept)
            sessions.end_sessions(connection, user.owner, user.user_id)

        self._database.run(user.owner, work)
        return self.get(user_id)

    def check_password(self, name: str, password: str) -> User | None:
        """The user, if the password is right and they may come in. As slow for unknown names."""
        found = self._find(name)
        user, kept = found if found is not None else (None, None)
        verdict = self.passwords.check(password, kept)
        if user is None or not verdict.is_right or not user.is_active:
            return None
        renewed = verdict.new_hash
        if renewed is not None:
            known = user
            self._database.run(
                user.owner, lambda connection: users.set_password_hash(connection, known, renewed)
            )
        return user

    def new_set_up_token(self) -> str:
        """A token for the first user, valid for a day, in place of any before. Raises UsageError."""
        token = new_token(SET_UP_PREFIX)

        def work(connection: Connection[Any]) -> None:
            users.lock_users(connection)
            if users.users_exist(connection):
                raise UsageError("It is set up: there are users already. `heimdex users add` makes more.")
            users.put_set_up_token(connection, token_hash(token), valid_s=SET_UP_S)

        self._database.run(NOBODY, work)
        return token

    def set_up(self, token: str, account: NewAccount) -> User:
        """Make the first user, an admin. Raises NotAllowed for a wrong token, UsageError as `add`."""
        return self._add(account, set_up_token=token)

    def _find(self, name: str) -> tuple[User, str | None] | None:
        if not name.isprintable():  # the database cannot even be asked for some of them
            return None
        return self._database.run(NOBODY, lambda connection: users.user_by_name(connection, name))

    def _add(self, account: NewAccount, *, set_up_token: str | None) -> User:
        name = _clean(account.name)
        _check_role(account.role)
        kept = None
        if account.password is not None:
            self.passwords.demand_good(account.password, name)
            kept = self.passwords.hash(account.password)
        user_id = new_id()

        first = set_up_token is not None or not self.exist()
        owner = self._owner if first else account.owner or new_id()

        def work(connection: Connection[Any]) -> None:
            users.lock_users(connection)
            if users.user_by_id(connection, user_id) is not None:
                return  # the connection was lost in the moment of the commit, and it was made
            if set_up_token is not None:
                _take_token(connection, set_up_token)
            elif first and users.users_exist(connection):
                raise UsageError("Another first user was made at this moment; try again.")
            new = NewUser(
                user_id=user_id,
                name=name,
                role=ADMIN if first else account.role,
                password_hash=kept,
                issuer=account.issuer,
                subject=account.subject,
            )
            if not users.add_user(connection, owner, new):
                raise UsageError(f"The name {name!r} is taken; choose another.")

        self._database.run(owner, work)
        return self.get(user_id)


def _take_token(connection: Connection[Any], token: str) -> None:
    if users.users_exist(connection) or not users.take_set_up_token(connection, token_hash(token)):
        raise NotAllowed(
            "This set-up token is not valid (any more); `heimdex users set-up` on the machine prints "
            "a new one."
        )


def _demand_another_admin(connection: Connection[Any], user: User) -> None:
    others = [one for one in users.all_users(connection) if one.user_id != user.user_id]
    if not any(one.role == ADMIN and one.is_active for one in others):
        raise UsageError(f"{user.name} is the last admin; make somebody else one first.")


def _clean(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > MAX_NAME or not cleaned.isprintable():
        raise UsageError(f"A name has 1 to {MAX_NAME} characters that can be seen.")
    return cleaned


def _check_role(role: str) -> None:
    if role not in (MEMBER, ADMIN):
        raise UsageError(f"There is no role {role!r}; there are {MEMBER} and {ADMIN}.")
