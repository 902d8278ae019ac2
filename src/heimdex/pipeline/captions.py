"""Transcripts are written as subtitle files: SubRip and WebVTT. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from heimdex.entities import Utterance

LINE_COLUMNS = 42  # of a line; wide letters take two
LINES = 2
LONGEST_US = 7_000_000  # of a caption: nobody looks at one for longer


@dataclass(frozen=True, kw_only=True, slots=True)
class Caption:
    """What is on the screen over [start_us, end_us)."""

    start_us: int
    end_us: int
    lines: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A piece of text that is not torn; `text` begins with a space where it is set apart."""

    text: str
    start_us: int
    end_us: int


def srt(utterances: Iterable[Utterance]) -> str:
    """A SubRip file, UTF-8."""
    blocks = (
        f"{number}\n{_time(caption.start_us, ',')} --> {_time(_end(caption), ',')}\n"
        # An arrow within the text would be taken for a line of times.
        + "\n".join(line.replace("-->", "→") for line in caption.lines)
        + "\n"
        for number, caption in enumerate(captions(utterances), start=1)
    )
    return "\n".join(blocks)


def vtt(utterances: Iterable[Utterance]) -> str:
    """A WebVTT file, UTF-8; `&`, `<` and `>` are written as its cue text wants them."""
    blocks = (
        f"{_time(caption.start_us, '.')} --> {_time(_end(caption), '.')}\n"
        + "\n".join(_escaped(line) for line in caption.lines)
        + "\n"
        for caption in captions(utterances)
    )
    return "\n".join(("WEBVTT\n", *blocks))


def captions(utterances: Iterable[Utterance]) -> Iterator[Caption]:
    """Sentences in pieces that fit the screen: two lines of 42 columns, 7 s at most.

    Pieces begin and end with words, at the words' own times; where a sentence has only its own, a word's are
    reckoned by its share of the letters. Sentences without text are left out.
    """
    for utterance in utterances:
        parts = _parts(utterance)
        while parts:
            count = _fitting(parts)
            taken, parts = parts[:count], parts[count:]
            text = "".join(part.text for part in taken).strip()
            end_us = taken[-1].end_us if parts else max(utterance.end_us, taken[-1].end_us)
            if text:
                yield Caption(start_us=taken[0].start_us, end_us=end_us, lines=_lines(text))


def _parts(utterance: Utterance) -> list[_Part]:
    """The words of a sentence with their times, wide text letter by letter."""
    text = " ".join(utterance.text.split())
    found: list[_Part] = []
    place = 0
    for word in utterance.words:
        at = text.find(word.text, place) if word.text else -1
        if at < 0:
            return _reckoned(text, utterance.start_us, utterance.end_us)
        end = at + len(word.text)
        if found:  # what stands between two words belongs to the first: a comma, a bracket
            between, space, apart = text[place:at].partition(" ")
            found[-1] = _Part(
                text=found[-1].text + between, start_us=found[-1].start_us, end_us=found[-1].end_us
            )
            found.append(_Part(text=space + apart + word.text, start_us=word.start_us, end_us=word.end_us))
        else:
            found.append(_Part(text=text[:end], start_us=word.start_us, end_us=word.end_us))
        place = end
    if not found:
        return _reckoned(text, utterance.start_us, utterance.end_us)
    found[-1] = _Part(
        text=found[-1].text + text[place:], start_us=found[-1].start_us, end_us=found[-1].end_us
    )
    return found


def _reckoned(text: str, start_us: int, end_us: int) -> list[_Part]:
    total, begun = max(1, len(text)), 0
    found: list[_Part] = []
    for piece in _pieces(text):
        from_us = start_us + (end_us - start_us) * begun // total
        begun += len(piece)
        found.append(
            _Part(text=piece, start_us=from_us, end_us=start_us + (end_us - start_us) * begun // total)
        )
    return found


def _pieces(text: str) -> Iterator[str]:
    """Words with the space before them; wide letters, which have no spaces between words, one by one."""
    piece = ""
    for letter in text:
        wide = _columns(letter) == 2
        if piece and (letter == " " or (wide and letter not in "、。，．！？：；」』）】…")):
            yield piece
            piece = ""
        piece += letter
    if piece:
        yield piece


def _fitting(parts: Sequence[_Part]) -> int:
    """How many of the words make the next piece: as equal as may be, so that no last word stands alone."""
    columns = _columns("".join(part.text for part in parts).strip())
    lasts_us = parts[-1].end_us - parts[0].start_us
    pieces = max(-(-columns // (LINE_COLUMNS * LINES)), -(-lasts_us // LONGEST_US), 1)
    if pieces == 1:
        return len(parts)
    count = 1
    while count < len(parts):
        longer = parts[: count + 1]
        text = "".join(part.text for part in longer).strip()
        if _columns(text) > min(LINE_COLUMNS * LINES, -(-columns // pieces) + LINE_COLUMNS // 4):
            break
        if longer[-1].end_us - longer[0].start_us > LONGEST_US:
            break
        count += 1
    return count


def _lines(text: str) -> tuple[str, ...]:
    """One line, or two of about the same length."""
    if _columns(text) <= LINE_COLUMNS:
        return (text,)
    places = [at for at, letter in enumerate(text) if letter == " "]
    if not places:
        places = [at for at in range(1, len(text)) if _columns(text[at]) == 2]
    if not places:
        return (text,)
    at = min(places, key=lambda place: abs(_columns(text[:place]) - _columns(text[place:])))
    return (text[:at].strip(), text[at:].strip())


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _end(caption: Caption) -> int:
    return max(caption.end_us, caption.start_us + 1_000)


def _time(us: int, point: str) -> str:
    ms = (us + 500) // 1000
    seconds = ms // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{point}{ms % 1000:03d}"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
