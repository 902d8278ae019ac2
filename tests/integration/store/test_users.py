"""Users, sessions and keys under the row policies."""

from __future__ import annotations

import threading
import uuid

import psycopg
import pytest

from heimdex.app.keys import Keys, KeyWish
from heimdex.app.users import NewAccount, Users
from heimdex.errors import StoreError, UsageError
from heimdex.store import keys, sessions
from heimdex.store.database import Database
from heimdex.store.passwords import Passwords
from heimdex.store.tokens import token_hash
from heimdex.store.users import NOBODY
from tests.auth_kit import ADA, BOB, QUICK

TABLES = ("app_user", "app_session", "api_key")


@pytest.fixture
def users(database: Database, owner: str) -> Users:
    """Ada and Bob, each with a session and a key."""
    made = Users(database, owner=owner, passwords=Passwords(QUICK))
    for name, password in (("ada", ADA), ("bob", BOB)):
        user = made.add(NewAccount(name=name, password=password))
        Keys(database).create(user.owner, KeyWish(name="x", user_id=user.user_id))
        with database.transaction(user.owner) as connection:
            sessions.add_session(connection, user, token_hash(name), valid_s=60)
    return made


def test_an_owner_sees_and_touches_only_the_users_sessions_and_keys_of_their_library(
    users: Users, database: Database
) -> None:
    ada, bob = users.named("ada"), users.named("bob")
    for table in TABLES:
        with database.transaction(NOBODY) as connection:
            assert connection.execute(f"SELECT 1 FROM heimdex.{table}").fetchall() == []
        with database.transaction(bob.owner) as connection:
            rows = connection.execute(f"SELECT owner_id::text FROM heimdex.{table}").fetchall()
            assert rows == [(bob.owner,)]
            for change in (f"DELETE FROM heimdex.{table}", f"UPDATE heimdex.{table} SET created_at = now()"):
                found = connection.execute(f"{change} WHERE owner_id = %s", [ada.owner])
                assert found.rowcount == 0


def test_nobody_can_make_a_key_or_a_session_for_another_library(users: Users, database: Database) -> None:
    ada, bob = users.named("ada"), users.named("bob")
    new = keys.NewKey(
        key_id=str(uuid.uuid4()),
        user_id=ada.user_id,
        name="x",
        key_hash=token_hash("x"),
        hint="x",
        scopes=["read"],
        valid_s=None,
    )
    with pytest.raises(StoreError, match="row-level security"), database.transaction(bob.owner) as connection:
        keys.add_key(connection, ada.owner, new)
    with pytest.raises(StoreError, match="foreign key"), database.transaction(bob.owner) as connection:
        keys.add_key(connection, bob.owner, new)  # a user of another library


def test_a_look_up_needs_the_hash_and_finds_across_libraries(users: Users, database: Database) -> None:
    bob = users.named("bob")
    with database.transaction(NOBODY) as connection:
        found = sessions.session_by_hash(connection, token_hash("bob"), idle_s=60)
        assert found is not None
        assert (found.owner, found.user_id) == (bob.owner, bob.user_id)
        assert sessions.session_by_hash(connection, token_hash("eve"), idle_s=60) is None
        assert keys.key_by_hash(connection, token_hash("bob")) is None


def test_the_functions_that_see_all_owners_are_pinned_and_for_the_application_only(
    database: Database,
) -> None:
    with database.transaction(NOBODY) as connection:
        rows = connection.execute(
            "SELECT proname, proconfig, proacl::text FROM pg_proc WHERE prosecdef "
            "AND pronamespace = 'heimdex'::regnamespace AND proname ~ 'user|session_by|key_by'"
        ).fetchall()
    assert len(rows) == 7
    for _, config, grants in rows:
        assert config == ["search_path=pg_catalog, pg_temp"]
        assert "heimdex_app=X/heimdex_owner" in grants
        assert "{=X" not in grants
        assert ",=X" not in grants


def test_only_one_of_many_at_once_is_the_first_user(database: Database, owner: str) -> None:
    users = Users(database, owner=owner, passwords=Passwords(QUICK))
    token = users.new_set_up_token()
    barrier, done = threading.Barrier(4), []

    def set_up(name: str) -> None:
        barrier.wait()
        try:
            done.append(users.set_up(token, NewAccount(name=name, password=ADA)).name)
        except Exception as error:  # any: it is looked at below
            done.append(type(error).__name__)

    threads = [threading.Thread(target=set_up, args=[f"user {number}"]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done)[:3] == ["NotAllowed"] * 3
    assert [user.name for user in users.list()] == [sorted(done)[3]]


def test_a_name_taken_at_the_same_moment_is_told_as_taken(users: Users) -> None:
    with pytest.raises(UsageError, match="taken"):
        users.add(NewAccount(name="ADA", password=BOB))
    assert len(users.list()) == 2


def test_look_ups_use_an_index(users: Users, database_server: object, database_url: str) -> None:
    url = psycopg.conninfo.make_conninfo(database_url, user="postgres")
    with psycopg.connect(url) as connection:
        connection.execute("SET enable_seqscan = off")
        for table, column in (
            ("app_session", "token_hash"),
            ("api_key", "key_hash"),
            ("app_user", "name_key"),
        ):
            plan = connection.execute(
                f"EXPLAIN SELECT * FROM heimdex.{table} WHERE {column} = 'x'"
            ).fetchall()
            assert f"{table}_{column}_key" in str(plan)
