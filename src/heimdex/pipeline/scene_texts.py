"""Which words belong to which scene."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from heimdex.entities import Scene, Utterance
from heimdex.extractors.alignment import overlapping
from heimdex.extractors.passages import sentences_of
from heimdex.store.lexicon import Passage, SceneTexts
from heimdex.store.lexicon.confusables import readable
from heimdex.store.lexicon.words import words
from heimdex.store.wordings import Caption, Wording, WrittenLine


@dataclass(frozen=True, kw_only=True, slots=True)
class SceneSource:
    """The words of a scene: sentences with their true times, lines of writing, what is described."""

    scene: Scene
    spoken: tuple[Utterance, ...] = ()
    written: tuple[str, ...] = ()
    caption: Caption | None = None

    @property
    def said(self) -> tuple[str, ...]:
        """The sentences that are said."""
        return tuple(sentence.text for sentence in self.spoken)

    @property
    def described(self) -> tuple[str, ...]:
        """The sentences of the description."""
        return () if self.caption is None else tuple(sentences_of(self.caption.text))

    def terms(self) -> SceneTexts:
        """What the lexical index takes of it."""
        return SceneTexts(
            spoken=tuple(Passage(text=one.text, language=one.language) for one in self.spoken),
            written=self.written,
            captions=()
            if self.caption is None
            else (Passage(text=self.caption.text, language=self.caption.language),),
        )


def sources_of(wording: Wording) -> list[SceneSource]:
    """The scenes that have any words, in order.

    A sentence or line over two scenes belongs to both. What holds no word at all ("…") is left out.
    """
    spoken = overlapping([one for one in wording.sentences if words(one.text)], wording.scenes)
    written = _lines_by_scene([line for line in wording.lines if words(readable(line.text))], wording.scenes)
    captions = {scene_id: one for scene_id, one in wording.captions.items() if words(one.text)}
    found = (
        SceneSource(
            scene=scene,
            spoken=spoken[scene.scene_id],
            written=tuple(written.get(scene.scene_id, ())),
            caption=captions.get(scene.scene_id),
        )
        for scene in wording.scenes
    )
    return [source for source in found if source.spoken or source.written or source.caption]


def _lines_by_scene(lines: Iterable[WrittenLine], scenes: Sequence[Scene]) -> dict[str, dict[str, None]]:
    """The different lines that are seen in each scene; `scenes` are in order and do not overlap."""
    starts, ends = [scene.start_us for scene in scenes], [scene.end_us for scene in scenes]
    found: dict[str, dict[str, None]] = {}
    for line in lines:
        seen_in = {line.scene_id: None}
        for scene in scenes[bisect_right(ends, line.start_us) : bisect_left(starts, line.end_us)]:
            seen_in[scene.scene_id] = None
        for scene_id in seen_in:
            found.setdefault(scene_id, {})[line.text] = None
    return found
