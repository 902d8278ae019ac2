"""Subtitles of a film or a sound: tracks within it and files beside it (decision 0027)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from heimdex.entities import Facts
from heimdex.errors import MediaError
from heimdex.media.files import open_original, unreadable
from heimdex.media.subtitle_cues import Cue, ordered
from heimdex.media.subtitle_names import Found, beside, lying_beside
from heimdex.media.subtitle_text import spoken

FILE_LIMIT_BYTES = 16 << 20  # a subtitle file of three hours has some hundred thousand

__all__ = ["Cue", "Track", "beside", "choose", "subtitles_of"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Track:
    """One set of subtitles. Without cues it cannot be used; `note` then says why."""

    origin: str  # the file's name, or "track 2"
    language: str | None  # ISO 639-1
    title: str | None
    cues: tuple[Cue, ...]
    note: str | None = None  # what had to be put right or left out
    embedded: bool = False
    default: bool = False
    forced: bool = False  # only what is said in another language than the rest, or only signs
    hearing_impaired: bool = False
    commentary: bool = False
    as_spoken: bool = False  # in the language that the film's sound is said to have


def subtitles_of(path: bytes, facts: Facts) -> list[Track]:
    """All subtitles of a film or a sound, with their cues on its clock: files beside it, then tracks within.

    A file that cannot be read, holds no subtitles, or is far too large is there without cues, and so is a
    track of pictures; times that cannot be are put right or left out; a note tells. Raises UnreadableFile and
    DamagedFile where the film itself cannot be opened.
    """
    from heimdex.media.subtitle_tracks import tracks_inside  # libav: whoever asks what lies beside needs none

    inside = tracks_inside(path, facts)
    found = [_read(entry, facts) for entry in lying_beside(path)]
    for track in inside.tracks:
        shown = ordered(track.cues, facts.duration_us)
        found.append(
            Track(
                origin=track.origin,
                language=track.language,
                title=track.title,
                cues=shown.cues,
                note=_joined(track.note, shown.note),
                embedded=True,
                default=track.default,
                forced=track.forced,
                hearing_impaired=track.hearing_impaired,
                commentary=track.commentary,
            )
        )
    return [_as_spoken(track, inside.spoken) for track in found]


def choose(tracks: Sequence[Track], preferred: str | None = None, *, forced: bool = False) -> Track | None:
    """The track that tells best what is said; None where there is none.

    Of those with cues: the preferred language (ISO 639-1) before others, the language of the sound before
    others, the file beside before tracks within (one without a language in its name first), the default
    track, the one without notes for the deaf, the one with most cues. Comments on the film never stand for
    what is said in it. Forced tracks hold a few lines only: they are taken, last, where `forced` says so.
    """
    usable = [
        track for track in tracks if track.cues and not track.commentary and (forced or not track.forced)
    ]

    def worth(track: Track) -> tuple[bool, bool, bool, bool, bool, bool, bool, int]:
        return (
            not track.forced,
            preferred is not None and track.language == preferred,
            track.as_spoken,
            not track.embedded,
            not track.embedded and track.language is None,
            track.default,
            not track.hearing_impaired,
            len(track.cues),
        )

    return max(usable, key=worth, default=None)


def _read(entry: Found, facts: Facts) -> Track:
    # These two parse foreign bytes, and are wanted in a worker process only.
    from heimdex.media.subtitle_encodings import decode
    from heimdex.media.subtitle_formats import raw_cues

    said = entry.said
    content = b""
    if entry.size_bytes > FILE_LIMIT_BYTES:
        return _unread(entry, f"has {entry.size_bytes >> 20} MiB and is no subtitle file")
    try:
        with open_original(entry.path) as file:
            content = file.read(FILE_LIMIT_BYTES)
    except MediaError as err:
        return _unread(entry, str(err))
    except OSError as err:
        return _unread(entry, str(unreadable(err)))
    if not content.strip(b"\x00 \t\r\n"):
        return _unread(entry, "is empty")
    decoded = decode(content, said.language)
    if decoded is None:
        return _unread(entry, "is no text")
    cues = (
        Cue(start_us=cue.start_us, end_us=cue.end_us, text=spoken(cue.raw)) for cue in raw_cues(decoded.text)
    )
    shown = ordered(cues, facts.duration_us)
    if not shown.cues:
        return _unread(entry, shown.note or "holds no subtitles")
    return Track(
        origin=entry.name,
        language=said.language,
        title=said.title,
        cues=shown.cues,
        note=_joined(decoded.note, shown.note),
        forced=said.forced,
        hearing_impaired=said.hearing_impaired,
    )


def _unread(entry: Found, why: str) -> Track:
    said = entry.said
    return Track(
        origin=entry.name,
        language=said.language,
        title=said.title,
        cues=(),
        note=why,
        forced=said.forced,
        hearing_impaired=said.hearing_impaired,
    )


def _as_spoken(track: Track, spoken_language: str | None) -> Track:
    return replace(track, as_spoken=spoken_language is not None and track.language == spoken_language)


def _joined(*notes: str | None) -> str | None:
    return "; ".join(note for note in notes if note) or None
