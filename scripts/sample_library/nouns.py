"""The nouns of the storyboard: sources are filmed in shots, shots make clips."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

PHONE = ("Northlight", "P4")
CAMCORDER = ("Northlight", "Cine 20")
STILLS = ("Halden", "R6")  # makers that do not exist


@dataclass(frozen=True, kw_only=True)
class View:
    """Where the camera looks: centre and width as fractions of the picture; the height follows."""

    x: float = 0.5
    y: float = 0.5
    width: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Fade:
    """A fade through one colour into a shot, in frames: out of the last shot, held, into this one."""

    out: int = 0
    held: int = 0
    into: int = 0
    colour: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Shot:
    """One take. The camera moves evenly from view to view; a title card has `lines` and no source."""

    frames: int
    shows: str
    source: str = ""
    path: tuple[View, ...] = (View(),)
    move: str = "still"
    enter: Fade | None = None
    lines: tuple[str, ...] = ()
    shake: float = 0.0  # of the picture's width
    flash_at: int | None = None  # the first of two white frames, as from a camera's flash


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A sentence and when it begins, in seconds after the file's zero."""

    text: str
    at_s: float


@dataclass(frozen=True, kw_only=True)
class Taken:
    """Made-up circumstances of a recording."""

    at: datetime
    camera: tuple[str, str]
    latitude: float
    longitude: float


@dataclass(frozen=True, kw_only=True)
class Clip:
    """A film.

    `beat_ms` replaces the frame rate by a repeating rhythm of frame durations. It ends with 1 / rate, because
    MP4 gives the last frame that duration; whole rounds make the film.
    """

    path: str
    taken: Taken
    shots: tuple[Shot, ...]
    rate: Fraction = Fraction(25)
    beat_ms: tuple[int, ...] = ()
    size: tuple[int, int] = (640, 360)  # px as displayed
    turned: int = 0  # degrees the stored picture must be turned clockwise to stand upright
    spoken: tuple[Spoken, ...] = ()
    has_sound: bool = True
    picture_late_ms: int = 0  # the first frame comes this long after the sound begins
    counter: bool = False  # burn the frame's time into it
    fade_out: int = 0  # frames to black at the end


@dataclass(frozen=True, kw_only=True)
class Photo:
    """A photo. `orientation` is the EXIF value: the file holds the picture turned to need it."""

    path: str
    source: str
    shows: str
    view: View
    taken: Taken | None
    aspect: Fraction = Fraction(3, 2)
    orientation: int = 1


@dataclass(frozen=True, kw_only=True)
class Recording:
    """Sound without pictures."""

    path: str
    taken: Taken
    spoken: tuple[Spoken, ...]
    seconds: float


def taken(at: str, camera: tuple[str, str], latitude: float, longitude: float) -> Taken:
    """Circumstances from an ISO 8601 date and time with its offset."""
    return Taken(at=datetime.fromisoformat(at), camera=camera, latitude=latitude, longitude=longitude)
