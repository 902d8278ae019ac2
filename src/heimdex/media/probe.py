"""Facts about a file, whatever it is. Reads headers, the first picture and the first sound."""

from __future__ import annotations

from heimdex.entities import Facts
from heimdex.media.film import film_facts
from heimdex.media.formats import Family
from heimdex.media.photo import photo_facts
from heimdex.media.recognise import Recognised


def probe(path: bytes, recognised: Recognised, *, max_pixels: int) -> Facts:
    """What the file says about itself; `recognised` is what `recognise` said of it.

    Sizes are as displayed, times are microseconds, `captured_at` always has a zone. `max_pixels` bounds one
    picture, of a photo or of a film, before it is decoded. Raises UnreadableFile, DamagedFile,
    OversizedPicture, and UnknownFormat where a film's codec cannot be decoded here.
    """
    if recognised.family is Family.PHOTO:
        return photo_facts(path, recognised.format, max_pixels=max_pixels)
    return film_facts(path, recognised.format, max_pixels=max_pixels)
