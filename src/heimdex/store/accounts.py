"""Which account of the operating system runs the embedded server.

An ordinary user runs it as itself. PostgreSQL refuses to run as root, so root lends it to an unprivileged
account. Where that account cannot walk to the home or to the programs (both may lie below /root), it gets
one capability, CAP_DAC_OVERRIDE, instead of our loosening anybody's folders.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heimdex.errors import DatabaseUnavailable

_FALLBACKS = ("postgres", "nobody")


@dataclass(frozen=True, kw_only=True, slots=True)
class Account:
    """Who runs the server. `borrowed` means that we are root and the account is somebody else."""

    uid: int
    gid: int
    borrowed: bool = False
    prefix: tuple[str, ...] = ()  # put before the server's command line

    def process_options(self) -> dict[str, Any]:
        """Keyword arguments for subprocess that make the child run as this account."""
        if not self.borrowed or self.prefix:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def give(self, path: Path) -> None:
        """Make the account the owner of a file or folder of ours."""
        if self.borrowed:
            os.chown(path, self.uid, self.gid)


def choose_account(*, data: Path, must_reach: Iterable[Path]) -> Account:
    """The account for the cluster at `data`; it must be able to read every path in `must_reach`.

    Raises DatabaseUnavailable when the cluster belongs to another user, or when root has no way to lend it.
    """
    owner = data.stat() if data.is_dir() else None
    uid = os.geteuid()
    if uid != 0:
        if owner is not None and owner.st_uid != uid:
            raise DatabaseUnavailable(
                f"The database in {data} belongs to user id {owner.st_uid}, and this is user id {uid}; "
                "run heimdex as that user, or use another HEIMDEX_HOME."
            )
        return Account(uid=uid, gid=os.getegid())
    uid, gid = (owner.st_uid, owner.st_gid) if owner is not None and owner.st_uid != 0 else _unprivileged()
    if all(_reaches(uid, gid, path) for path in must_reach):
        return Account(uid=uid, gid=gid, borrowed=True)
    return Account(uid=uid, gid=gid, borrowed=True, prefix=_override(uid, gid))


def _unprivileged() -> tuple[int, int]:
    for name in _FALLBACKS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return entry.pw_uid, entry.pw_gid
    raise DatabaseUnavailable(
        "PostgreSQL does not run as root, and this system has no account named postgres or nobody to run it; "
        "run heimdex as an ordinary user, or set HEIMDEX_DATABASE_URL."
    )


def _override(uid: int, gid: int) -> tuple[str, ...]:
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise DatabaseUnavailable(
            "PostgreSQL does not run as root, and the account that would run it cannot reach the home or the "
            "installed package; install setpriv (util-linux), run heimdex as an ordinary user, or use a home "
            "and an environment outside of closed folders such as /root."
        )
    capability = "+dac_override"
    return (
        setpriv,
        f"--reuid={uid}",
        f"--regid={gid}",
        "--clear-groups",
        f"--inh-caps={capability}",
        f"--ambient-caps={capability}",
        "--",
    )


def _reaches(uid: int, gid: int, path: Path) -> bool:
    """Whether an account without further groups may pass every folder above `path`, and read it."""
    if not all(_allows(uid, gid, folder.stat(), 0o1) for folder in path.parents):
        return False
    found = path.stat()
    wanted = 0o5 if stat.S_ISDIR(found.st_mode) or found.st_mode & 0o111 else 0o4
    return _allows(uid, gid, found, wanted)


def _allows(uid: int, gid: int, found: os.stat_result, wanted: int) -> bool:
    shift = 6 if found.st_uid == uid else 3 if found.st_gid == gid else 0
    return (found.st_mode >> shift) & wanted == wanted
