"""A scene's frames into its best keyframes: sharp, lit, away from cuts, no twins.

Holding a Frame holds its decoded buffer (3 MB at 1080p, 12 MB at 4K), so the pool holds at most HELD_FRAMES
whatever the film and however late the detector settles: time is cut into slots, each slot keeps its best
frame, and where there are too many slots the two neighbours that matter least become one. All is judged on
the small frames: of two frames of one view they tell the sharper (figures: docs/reference/scenes.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import KEYFRAMES_PER_SCENE, Choice, Frame, FrameQuality, Picture, Scene

HELD_FRAMES = 16  # in all: what the slots keep, and the frame whose successor is awaited
CANDIDATES_PER_SCENE = 8
SLOT_US = 300_000  # a scene of 0.6 s covers one whole slot wherever it lies
PENDING_US = 3_000_000  # what is not much older is likely to be divided into scenes yet: its slots stay short
LOOK_EVERY_US = 120_000  # frames nearer together are too alike to be worth comparing
JUMP_LEVELS, JUMP_TIMES = 3.0, 4.0  # change that closes a slot: in levels, and times the usual change
STROBE_US = 500_000  # three jumps within this are a strobe
JUMP_WORTH = 20.0  # how much dearer it is to join two slots across such a jump
CLEAR_US = 500_000  # this far from both ends of its scene a frame is well away from cuts, fades and dissolves
TWIN_LEVELS = 7.0  # mean difference of two frames, in levels, below which the second shows nothing new
BLANK_LEVELS = 3.0  # mean deviation of brightness below which there is nothing to see
MIDDLE_LEVEL = 118.0  # of brightness: the best exposed, a photographer's middle grey
PHOTO_SIDE = 256  # px; photos are judged at about this size

Luma = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Candidate:
    frame: Frame
    luma: Luma
    quality: FrameQuality


@dataclass(kw_only=True, slots=True)
class _Slot:
    start_us: int
    end_us: int
    best: _Candidate | None
    jump: bool  # whether the picture jumped at its start


class CandidatePool:
    """Watches the frames of one film go by and keeps the few that may stand for their scenes.

    `for scene in detector.detect(pool.watch(frames)): choices = pool.choose(scene)`
    """

    def __init__(self) -> None:
        self._slots: list[_Slot] = []
        self._previous: NDArray[np.int16] | None = None
        self._usual = 0.0  # running mean of the change between neighbours, levels
        self._waiting: tuple[Frame, float] | None = None  # its change to the next frame is not known yet
        self._looked_us: int | None = None
        self._jumps_us: list[int] = []  # the last three

    @property
    def held(self) -> int:
        """How many frames are held now."""
        return sum(slot.best is not None for slot in self._slots) + (self._waiting is not None)

    def watch(self, frames: Iterable[Frame]) -> Iterator[Frame]:
        """Pass the frames on unchanged, in order, and remember the good ones."""
        for frame in frames:
            self._see(frame)
            yield frame
        self._judge(0.0)

    def choose(self, scene: Scene) -> tuple[Choice, ...]:
        """The scene's best frames, best first, up to three that differ; what lies before its end is let go.

        Scenes come in order. At least one frame is chosen, black ones too (`quality.blank`), unless the
        detector settled so late or so finely that more than HELD_FRAMES slots lay open at once.
        """
        if self._waiting is not None and self._waiting[0].at_us < scene.end_us:
            self._judge(0.0)
        inside = [slot.best for slot in self._slots if slot.best is not None]
        ranked = [_placed(c, scene) for c in inside if scene.start_us <= c.frame.at_us < scene.end_us]
        ranked.sort(key=_score, reverse=True)
        self._let_go(scene.end_us)
        chosen = _unlike(ranked[:CANDIDATES_PER_SCENE])
        return tuple(Choice(rank=rank, frame=c.frame, quality=c.quality) for rank, c in enumerate(chosen))

    def _let_go(self, before_us: int) -> None:
        for slot in self._slots:
            if slot.best is not None and slot.best.frame.at_us < before_us:
                slot.best = None
        still_open = self._slots[-1:]
        self._slots = [slot for slot in self._slots[:-1] if slot.best is not None] + still_open

    def _see(self, frame: Frame) -> None:
        probe = frame.small[::2, ::2, 1].astype(np.int16)
        change = 0.0 if self._previous is None else float(np.abs(probe - self._previous).mean())
        self._previous = probe
        jump = change > JUMP_LEVELS and change > JUMP_TIMES * self._usual and self._no_strobe(frame)
        self._usual += 0.1 * (min(change, 4 * self._usual + 1) - self._usual)
        self._judge(change)
        if jump or not self._slots or frame.at_us - self._slots[-1].start_us >= SLOT_US:
            self._open(frame, jump=jump)
        due = self._looked_us is None or frame.at_us - self._looked_us >= LOOK_EVERY_US
        if due or self._slots[-1].best is None:
            self._waiting = (frame, change)
            self._looked_us = frame.at_us

    def _no_strobe(self, frame: Frame) -> bool:
        """Whether this jump is one of few: of those that come one upon another each would close a slot."""
        self._jumps_us = [*self._jumps_us[-2:], frame.at_us]
        return len(self._jumps_us) < 3 or frame.at_us - self._jumps_us[0] >= STROBE_US

    def _judge(self, change_after: float) -> None:
        """Weigh the waiting frame, now that its change to the next is known, against its slot's best."""
        if self._waiting is None:
            return
        (frame, change), self._waiting = self._waiting, None
        luma = _luma(frame.small)
        quality = _quality(luma, max(change, change_after) if change else change_after)
        slot = self._slots[-1]
        slot.end_us = frame.end_us
        if slot.best is None or quality.quality_score > slot.best.quality.quality_score:
            slot.best = _Candidate(frame=frame, luma=luma, quality=quality)

    def _open(self, frame: Frame, *, jump: bool) -> None:
        self._slots.append(_Slot(start_us=frame.at_us, end_us=frame.end_us, best=None, jump=jump))
        if len(self._slots) >= HELD_FRAMES:
            self._join()

    def _join(self) -> None:
        """Make one slot of two neighbours: old, short, with no jump between; never the newest."""
        now_us = self._slots[-1].end_us

        def cost(index: int) -> float:
            one, other = self._slots[index], self._slots[index + 1]
            age_us = now_us - other.start_us
            return (
                (other.end_us - one.start_us + 1) / (age_us + PENDING_US) * (JUMP_WORTH if other.jump else 1)
            )

        index = min(range(len(self._slots) - 2), key=cost)
        one, other = self._slots[index], self._slots.pop(index + 1)
        one.end_us = other.end_us
        if one.best is None or (other.best is not None and _score(other.best) > _score(one.best)):
            one.best = other.best


def photo_quality(picture: Picture) -> FrameQuality:
    """How good a photo is, by the parts a film's frames are judged by; a photo is steady by definition."""
    step = max(1, min(picture.shape[:2]) // PHOTO_SIDE)
    return _quality(_luma(picture[::step, ::step]), 0.0)


def _luma(picture: Picture) -> Luma:
    """Brightness 0-255, Rec. 709 weights in eighths."""
    bright: Luma = picture[..., 0] * np.float32(0.25) + picture[..., 1] * np.float32(0.625)
    bright += picture[..., 2] * np.float32(0.125)
    return bright


def _quality(luma: Luma, change: float) -> FrameQuality:
    """The parts, each 0-1, from brightness (height, width) and the larger change to a neighbour in levels."""
    level = float(luma.mean())
    deviation = float(np.abs(luma - level).mean())
    fine = _slope(luma, 1)
    # A blurred edge is as high as a sharp one but its slope is spread over many pixels.
    sharpness = min(1.0, fine / (_slope(luma, 3) + 1.0) / 0.8) * (1 - float(np.exp(-fine / 4)))
    clipped = float(((luma < 8) | (luma > 247)).mean())
    exposure = max(0.0, 1 - abs(level - MIDDLE_LEVEL) / MIDDLE_LEVEL) ** 0.5 * (1 - clipped)
    contrast = 1 - float(np.exp(-deviation / 30))
    steadiness = 1 / (1 + (change / (0.15 * deviation + 1)) ** 2)
    blank = deviation < BLANK_LEVELS
    parts = FrameQuality(
        quality_score=0.0,
        sharpness=sharpness,
        exposure=exposure,
        contrast=contrast,
        steadiness=steadiness,
        blank=blank,
    )
    return _summed(parts)


def _slope(luma: Luma, step: int) -> float:
    across = float(np.abs(luma[:, step:] - luma[:, :-step]).mean()) if luma.shape[1] > step else 0.0
    down = float(np.abs(luma[step:] - luma[:-step]).mean()) if luma.shape[0] > step else 0.0
    return (across + down) / 2


def _summed(parts: FrameQuality) -> FrameQuality:
    total = 0.3 * parts.sharpness + 0.2 * parts.exposure + 0.2 * parts.contrast + 0.3 * parts.steadiness
    return replace(parts, quality_score=total * (0.1 if parts.blank else 1.0))


def _score(candidate: _Candidate) -> float:
    return candidate.quality.quality_score


def _placed(candidate: _Candidate, scene: Scene) -> _Candidate:
    """The candidate with its steadiness lowered by how near it is to the ends of its scene."""
    clear_us = min(CLEAR_US, max(1, (scene.end_us - scene.start_us) // 3))
    middle_us = (candidate.frame.at_us + min(candidate.frame.end_us, scene.end_us)) // 2
    away = min(1.0, min(middle_us - scene.start_us, scene.end_us - middle_us) / clear_us)
    steadiness = candidate.quality.steadiness * (0.2 + 0.8 * max(0.0, away))
    return replace(candidate, quality=_summed(replace(candidate.quality, steadiness=steadiness)))


def _unlike(ranked: list[_Candidate]) -> list[_Candidate]:
    """Up to KEYFRAMES_PER_SCENE of them: the best, then whatever adds most that was not yet seen."""
    chosen, rest = ranked[:1], ranked[1:]
    while rest and len(chosen) < KEYFRAMES_PER_SCENE:
        fresh = [
            (min(float(np.abs(c.luma - other.luma).mean()) for other in chosen), c)
            for c in rest
            if not c.quality.blank
        ]
        fresh = [(levels, c) for levels, c in fresh if levels >= TWIN_LEVELS]
        if not fresh:
            break
        _, best = max(fresh, key=lambda pair: _score(pair[1]) * min(1.0, pair[0] / (4 * TWIN_LEVELS)))
        chosen.append(best)
        rest = [c for c in rest if c is not best]
    return chosen
