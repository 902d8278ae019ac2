"""Pictures in motion: camera moves, fades, title cards and the burned-in counter."""

from __future__ import annotations

import math
from collections.abc import Iterator

from PIL import Image, ImageDraw, ImageFont

from sample_library.nouns import Clip, Fade, Shot, View


def look(picture: Image.Image, view: View, size: tuple[int, int]) -> Image.Image:
    """What the camera sees: the view's rectangle, moved inside the picture, scaled to `size`."""
    aspect = size[0] / size[1]
    width = min(view.width * picture.width, picture.width, picture.height * aspect)
    height = width / aspect
    left = min(max(view.x * picture.width - width / 2, 0), picture.width - width)
    top = min(max(view.y * picture.height - height / 2, 0), picture.height - height)
    return picture.resize(size, Image.Resampling.BICUBIC, box=(left, top, left + width, top + height))


def between(path: tuple[View, ...], progress: float) -> View:
    """The view at `progress` (0-1) of the way along the path."""
    place = progress * (len(path) - 1)
    leg = min(int(place), max(len(path) - 2, 0))
    start, end = path[leg], path[min(leg + 1, len(path) - 1)]
    part = place - leg
    return View(
        x=start.x + (end.x - start.x) * part,
        y=start.y + (end.y - start.y) * part,
        width=start.width * (end.width / start.width) ** part,  # a zoom looks even when its factor is
    )


def take(shot: Shot, picture: Image.Image | None, size: tuple[int, int]) -> Iterator[Image.Image]:
    """The frames of one shot, before any fade."""
    for number in range(shot.frames):
        if shot.flash_at is not None and 0 <= number - shot.flash_at < 2:
            yield Image.new("RGB", size, (255, 255, 255))
        elif picture is None:
            yield title_card(shot.lines, size)
        else:
            view = between(shot.path, number / (shot.frames - 1))
            sway = shot.shake * math.sin(number * 0.9), shot.shake * math.sin(number * 1.37 + 1)
            yield look(picture, View(x=view.x + sway[0], y=view.y + sway[1], width=view.width), size)


def title_card(lines: tuple[str, ...], size: tuple[int, int]) -> Image.Image:
    """White words on dark blue, the first line larger; Pillow's own font."""
    card = Image.new("RGB", size, (18, 28, 58))
    draw = ImageDraw.Draw(card)
    for row, line in enumerate(lines):
        font = ImageFont.load_default(size=56 if row == 0 else 34)
        draw.text((size[0] / 2, size[1] * (0.42 + 0.2 * row)), line, "white", font, anchor="mm")
    return card


def film(clip: Clip, pictures: dict[str, Image.Image]) -> Iterator[Image.Image]:
    """All frames of a clip, fades included."""
    for number, shot in enumerate(clip.shots):
        enter = shot.enter or Fade()
        leave = clip.shots[number + 1].enter if number + 1 < len(clip.shots) else Fade(out=clip.fade_out)
        leave = leave or Fade()
        yield from [Image.new("RGB", clip.size, enter.colour)] * enter.held
        for index, picture in enumerate(take(shot, pictures.get(shot.source), clip.size)):
            if index < enter.into:
                yield faded(picture, enter, (index + 1) / (enter.into + 1))
            elif shot.frames - index <= leave.out:
                yield faded(picture, leave, (shot.frames - index) / (leave.out + 1))
            else:
                yield picture


def faded(picture: Image.Image, fade: Fade, strength: float) -> Image.Image:
    """The picture at `strength` (0-1) over the fade's colour."""
    return Image.blend(Image.new("RGB", picture.size, fade.colour), picture, strength)


def moment_us(clip: Clip, frame: int) -> int:
    """When a frame begins, in microseconds after zero."""
    if not clip.beat_ms:
        return round(frame * 1_000_000 / clip.rate)
    rounds, rest = divmod(frame, len(clip.beat_ms))
    return 1000 * (clip.picture_late_ms + rounds * sum(clip.beat_ms) + sum(clip.beat_ms[:rest]))


def timed(clip: Clip, pictures: dict[str, Image.Image]) -> Iterator[tuple[int, Image.Image]]:
    """The frames with their times in microseconds, and the time burned in where the clip has a counter."""
    for frame, picture in enumerate(film(clip, pictures)):
        at_us = moment_us(clip, frame)
        if clip.counter:
            draw = ImageDraw.Draw(picture)
            draw.rectangle((16, 296, 176, 344), fill="black")
            draw.text((26, 300), f"{at_us / 1e6:06.3f}", "white", ImageFont.load_default(size=38))
        yield at_us, picture
