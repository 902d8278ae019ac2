"""SQL is kept in .sql files: named queries, each with one sentence that says what it is for.

A block begins with `-- name: insert_scene`; the next line is a comment, the sentence; then the statement.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from heimdex.errors import StoreError

QUERIES_FOLDER = Path(__file__).parent / "queries"
_BLOCK = re.compile(r"^-- name: *(\S+)[ \t]*$", re.MULTILINE)
_SLOT = re.compile(r"\{(\w+)\}")


class Queries(Mapping[str, str]):
    """The statements of one file by name. An unknown name raises StoreError with the names there are."""

    def __init__(self, file: str, statements: dict[str, str]):
        self._file = file
        self._statements = statements

    def __getitem__(self, name: str) -> str:
        try:
            return self._statements[name]
        except KeyError:
            known = ", ".join(sorted(self._statements))
            raise StoreError(f"no query named {name!r} in {self._file}.sql; there are: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


@cache
def queries(file: str) -> Queries:
    """The queries of store/queries/<file>.sql, read once. Raises StoreError for a file that is malformed."""
    path = QUERIES_FOLDER / f"{file}.sql"
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise StoreError(f"the queries file {file}.sql is missing; reinstall heimdex") from err
    return Queries(file, dict(parse(text, file)))


def parse(text: str, file: str) -> Iterator[tuple[str, str]]:
    """The (name, statement) pairs of a queries file. Raises StoreError where the form is not kept."""
    head, *rest = _BLOCK.split(text)
    if any(line.strip() and not line.startswith("--") for line in head.splitlines()):
        raise StoreError(f"{file}.sql has a statement before its first '-- name:' line")
    seen: set[str] = set()
    for name, body in zip(rest[::2], rest[1::2], strict=True):
        sentence, _, statement = body.strip("\n").partition("\n")
        if not sentence.startswith("-- ") or not statement.strip():
            raise StoreError(f"query {name!r} in {file}.sql needs a comment sentence, then its statement")
        if name in seen:
            raise StoreError(f"query {name!r} stands twice in {file}.sql")
        seen.add(name)
        yield name, statement.strip()


def uuid_array(ids: Iterable[str]) -> str:
    """PostgreSQL's text form of a uuid[]. A list of hundreds would be checked for quotes one by one."""
    return "{" + ",".join(ids) + "}"


def literal_int(statement: str, **values: int) -> str:
    """Put whole numbers into the `{name}` slots of a statement, as literals.

    Model and dimension have to be literals: with bound parameters the generic plan misses the partial index.
    Only ints fit, so nothing can be smuggled in. Raises StoreError for a slot without a value, a value
    without a slot, or a value that is no int.
    """
    for name, value in values.items():
        if type(value) is not int:  # bool and numpy integers are refused as well: say int() where you call
            raise StoreError(f"{{{name}}} takes an int, not {value!r}")
    slots = set(_SLOT.findall(statement))
    if slots != values.keys():
        raise StoreError(f"the statement has the slots {sorted(slots)}, but {sorted(values)} were given")
    return _SLOT.sub(lambda slot: str(values[slot[1]]), statement)
