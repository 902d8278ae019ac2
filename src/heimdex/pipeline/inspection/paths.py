"""Paths: what the rows say of them, and what the disk says."""

from __future__ import annotations

from collections.abc import Iterator

from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import Finding
from heimdex.pipeline.inspection.seen import Seen
from heimdex.pipeline.inspection.subject import Subject
from heimdex.store.assets import path_words

WORDS_SHOWN = 5


def check_path_rows(subject: Subject) -> Iterator[Finding]:
    """Whether presence, words, texts, size and time of an asset follow from its paths."""
    asset, paths = subject.asset, subject.paths
    if not paths:
        yield subject.found(faults.NO_PATH, target=asset.content_hash)
    if asset.present != any(path.state == "present" for path in paths):
        yield subject.found(faults.PRESENCE, "it is shown" if asset.present else "it is not shown")
    # What a word is, search and index have to agree on; which words are stored is the question here.
    expected = frozenset(word for path in paths for word in path_words(path.stamp.text))
    words = subject.page.words.get(asset.asset_id, frozenset())
    if words != expected:
        odd = sorted(words ^ expected)
        more = f" and {len(odd) - WORDS_SHOWN} more" if len(odd) > WORDS_SHOWN else ""
        yield subject.found(faults.PATH_WORDS, ", ".join(odd[:WORDS_SHOWN]) + more)
    for path in paths:
        if path.text != path.stamp.text:
            yield subject.found(faults.PATH_TEXT, f"written as {path.text}", target=path)
    if paths and all(path.stamp.size_bytes != asset.size_bytes for path in paths):
        size = paths[0].stamp.size_bytes
        yield subject.found(faults.SIZE, f"{asset.size_bytes} instead of {size} bytes", target=size)
    if asset.mistimed:
        yield subject.found(faults.TIME)


def check_paths(subject: Subject, seen: Seen) -> Iterator[Finding]:
    """Whether the files are as they were when they were indexed."""
    for path in subject.paths:
        now = seen.stamp(path.stamp.path)
        where, target = path.stamp.text, path.stamp.path
        if path.state == "missing":
            if now is not None:
                yield subject.found_at(faults.PATH_BACK, where, target=target)
        elif now is None:
            if seen.is_gone(path.stamp.path):
                yield subject.found_at(faults.PATH_GONE, where, target=target)
        elif now != path.stamp:
            yield subject.found_at(faults.PATH_CHANGED, where, target=target)
