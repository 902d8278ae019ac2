"""Kept files brought before the eyes of an inspection: where they lie, or fetched from the object store.

What a bucket holds is judged by its list: what is there, and its size. The files of a sample, and those whose
size is odd, are fetched, past the copies that this machine has of them, and looked at as any.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from heimdex.errors import ObjectMissing, UsageError
from heimdex.pipeline.inspection.inspectors import Inspectors
from heimdex.pipeline.inspection.jobs import FileLook, KeptLook
from heimdex.pipeline.tools import Tools
from heimdex.store.checked import KeptFiles
from heimdex.store.derived import Tree
from heimdex.store.shared_derived import SharedDerivedFiles, StoreTree

AT_ONCE = 8

PathOf = Callable[[str], Path]
"""The file of a key, for as long as it is looked at."""


@contextmanager
def looked_at(
    tools: Tools,
    inspectors: Inspectors,
    kept: Sequence[KeptFiles],
    closely: Callable[[KeptFiles], bool],
    tree: Tree,
) -> Iterator[tuple[list[KeptLook], PathOf]]:
    """What the kept files of some rows are, in order, and where those looked at closely lie."""
    derived = tools.derived
    if not isinstance(derived, SharedDerivedFiles) or not isinstance(tree, StoreTree):
        yield _look(inspectors, kept, closely, derived.path), derived.path
        return
    sizes = {derived.key(path): size for path, size in tree.sizes.items()}
    near = [row for row in kept if closely(row) or _is_odd(row, sizes)]
    cache = tools.home / "cache"
    cache.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="verify-", dir=cache) as folder:
        keys = [key for row in near for key in (row.frame_key, row.thumbnail_key)]
        fetched = {key: Path(folder, str(number)) for number, key in enumerate(dict.fromkeys(keys))}
        _fetch(derived, fetched)

        def path_of(key: str) -> Path:
            return fetched.get(key) or derived.path(key)

        looks = dict(
            zip((row.keyframe_id for row in near), _look(inspectors, near, closely, path_of), strict=True)
        )
        yield [looks.get(row.keyframe_id) or _by_list(row, sizes) for row in kept], path_of


def _look(
    inspectors: Inspectors, kept: Sequence[KeptFiles], closely: Callable[[KeptFiles], bool], path_of: PathOf
) -> list[KeptLook]:
    return inspectors.look_at_kept(
        [(path_of(row.frame_key), path_of(row.thumbnail_key), closely(row)) for row in kept]
    )


def _is_odd(row: KeptFiles, sizes: dict[str, int]) -> bool:
    """Whether a file that is there has another size than on record."""
    files = ((row.frame_key, row.frame_bytes), (row.thumbnail_key, row.thumbnail_bytes))
    return any(sizes.get(key, size) != size for key, size in files)


def _fetch(derived: SharedDerivedFiles, wanted: dict[str, Path]) -> None:
    def one(key: str) -> None:
        with suppress(ObjectMissing, UsageError):
            derived.objects.get_to(derived.object_key(key), wanted[key])

    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="verify") as threads:
        for _ in threads.map(one, wanted):
            pass


def _by_list(row: KeptFiles, sizes: dict[str, int]) -> KeptLook:
    """What the list of the store says: a file of the right size is taken for what was written."""

    def one(key: str, sha256: str) -> FileLook:
        if key not in sizes:
            return FileLook(state="missing")
        return FileLook(
            state="there", size_bytes=sizes[key], sha256=sha256, width=row.width, height=row.height
        )

    return KeptLook(
        frame=one(row.frame_key, row.frame_sha256), thumbnail=one(row.thumbnail_key, row.thumbnail_sha256)
    )
