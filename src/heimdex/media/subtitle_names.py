"""Which subtitle files belong to a film, and what their names say. Names are bytes, not always UTF-8."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass

from heimdex.media.formats import AUDIO_EXTENSIONS, VIDEO_EXTENSIONS, extension
from heimdex.media.languages import language_of

SUBTITLE_EXTENSIONS = frozenset({b"srt", b"vtt", b"ass", b"ssa", b"smi"})
FOLDERS = frozenset({b"sub", b"subs", b"subtitle", b"subtitles"})
FORCED = frozenset({"forced", "foreign", "signs", "songs"})
IMPAIRED = frozenset({"sdh", "cc", "hi"})
PLAIN = frozenset({"default", "full", "auto", "ai", "asr", "sub", "subs", "subtitle", "subtitles"})
OWN_FILM = frozenset(VIDEO_EXTENSIONS | AUDIO_EXTENSIONS)
_APART = re.compile(r"[\s.,()\[\]]+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A subtitle file that belongs to a film."""

    path: bytes
    name: str  # against the film's folder, for people: undecodable bytes as \\xNN
    size_bytes: int
    modified_ns: int
    said: NameSays


@dataclass(frozen=True, kw_only=True, slots=True)
class NameSays:
    """What the part of a name that follows the film's own says."""

    language: str | None = None
    forced: bool = False
    hearing_impaired: bool = False
    title: str | None = None


def beside(path: bytes) -> list[tuple[str, int, int]]:
    """(name, size in bytes, modification time in ns) of the subtitle files that lie beside a film or a sound.

    In the order of their names; empty where the folder cannot be read. Opens nothing.
    """
    return [(found.name, found.size_bytes, found.modified_ns) for found in lying_beside(path)]


def lying_beside(path: bytes) -> list[Found]:
    """The subtitle files of a film: `NAME.srt`, `NAME.en.forced.vtt`, also in a folder `Subs` or `subtitles`.

    A file whose name begins like several films' belongs to the one with the longest name. In a folder of
    subtitles whatever lies there belongs to a film that is alone in its folder.
    """
    folder, own = os.path.split(path)
    names = _names(folder)
    films = {_stem(name) for name in names if extension(name) in OWN_FILM} | {_stem(own)}
    found = list(_matching(folder, b"", names, _stem(own), films))
    for name in names:
        if name.lower() in FOLDERS:
            below = os.path.join(folder, name)  # noqa: PTH118, names are bytes
            inner = _names(below)
            found += _matching(below, name + b"/", inner, _stem(own), films, alone=len(films) == 1)
            for part in inner:
                if part.lower() == _stem(own):
                    deep = os.path.join(below, part)  # noqa: PTH118
                    prefix = name + b"/" + part + b"/"
                    found += _matching(deep, prefix, _names(deep), _stem(own), films, alone=True)
    return sorted(found, key=lambda entry: entry.name)


def read_name(rest: str) -> NameSays:
    """What stands in a name between the film's own and the ending, e.g. ".en.forced" or "2_English"."""
    language: str | None = None
    forced = impaired = False
    title: list[str] = []
    tokens = [token for token in _APART.split(rest.replace("_", ".")) if token]
    several = sum(language_of(token) is not None for token in tokens) > 1
    for token in tokens:
        word = token.lower()
        spoken = language_of(token)
        if word in FORCED:
            forced = True
        elif word in IMPAIRED and (word != "hi" or several):  # Hindi, or "hearing impaired" beside a language
            impaired = True
        elif spoken is not None:
            language = spoken
        elif not word.isdigit() and word not in PLAIN:
            title.append(token)
    return NameSays(
        language=language, forced=forced, hearing_impaired=impaired, title=" ".join(title) or None
    )


def _matching(
    folder: bytes, prefix: bytes, names: list[bytes], stem: bytes, films: set[bytes], *, alone: bool = False
) -> Iterator[Found]:
    for name in names:
        if extension(name) not in SUBTITLE_EXTENSIONS or name.startswith(b"."):
            continue
        path = os.path.join(folder, name)  # noqa: PTH118
        rest = _rest(_stem(name), stem, films)
        if rest is None and not alone:
            continue
        try:
            status = os.stat(path)  # noqa: PTH116
        except OSError:
            continue
        yield Found(
            path=path,
            name=(prefix + name).decode("utf-8", "backslashreplace"),
            size_bytes=status.st_size,
            modified_ns=status.st_mtime_ns,
            said=read_name((_stem(name) if rest is None else rest).decode("utf-8", "replace")),
        )


def _rest(name: bytes, stem: bytes, films: set[bytes]) -> bytes | None:
    """What follows the film's name in a subtitle file's; None where it belongs to another film or to none."""
    if name == stem:
        return b""
    rest = name[len(stem) :]
    if not name.startswith(stem) or rest[:1] not in (b".", b"_", b"-", b" ", b"(", b"["):
        return None
    if any(len(other) > len(stem) and _rest(name, other, set()) is not None for other in films):
        return None
    if rest[:1] == b".":
        return rest
    said = read_name(rest.lstrip(b"-").decode("utf-8", "replace"))
    return rest.lstrip(b"-") if said.title is None and said != NameSays() else None


def _names(folder: bytes) -> list[bytes]:
    try:
        return sorted(os.listdir(folder or b"."))  # noqa: PTH208
    except OSError:
        return []


def _stem(name: bytes) -> bytes:
    return name.rpartition(b".")[0].lower() if b"." in name else name.lower()
