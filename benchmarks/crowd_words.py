"""Words for a crowd: every scene with something said, written and described, terms and text vectors included.

Words come as they do in language, a few very often and most of them rarely (Zipf), so that some queries meet
tens of thousands of scenes. Terms are written by the product's own function; text vectors are the starter's,
of real sentences, turned a little at random.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.plan import ROOT
from heimdex.config import SINGLE_OWNER
from heimdex.encoders import catalog
from heimdex.entities import Space, TextChannel, new_id
from heimdex.store import text_vectors, vectors
from heimdex.store.database import Database
from heimdex.store.halves import Half
from heimdex.store.lexicon import Passage, SceneTexts, replace_terms
from heimdex.store.lexicon.stems import Stems
from heimdex.store.vectors import StoredSpace

TEXT_MODEL = "starter-sentences"
JITTER = 0.35
NOISES = 800
MEANINGS = 400  # sentences whose vectors are real
VOCABULARY = 12_000
SAID, DESCRIBED = 14, 16  # words in a scene
SEED = 7


def vocabulary() -> list[str]:
    """Words by how often they are used: those of our documents first, then made ones."""
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "docs").rglob("*.md")))
    found = dict.fromkeys(word.lower() for word in text.split() if word.isalpha() and word.isascii())
    rng = np.random.default_rng(SEED)
    syllables = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il")]
    while len(found) < VOCABULARY:
        found["".join(rng.choice(syllables, rng.integers(2, 5)))] = None
    return list(found)[:VOCABULARY]


class Speaker:
    """Says, writes and describes at random, always the same."""

    def __init__(self) -> None:
        self.words = np.array(vocabulary())
        weights = 1.0 / np.arange(1, VOCABULARY + 1)
        self._shares = np.cumsum(weights / weights.sum())
        self._rng = np.random.default_rng(SEED)

    def sentence(self, words: int) -> str:
        """So many words."""
        places = np.searchsorted(self._shares, self._rng.random(words))
        return " ".join(self.words[np.minimum(places, VOCABULARY - 1)])

    def serial(self) -> str:
        """A plate, or a number on a box."""
        letters = "".join(self._rng.choice(list("ABCDEFGHKLMNPRSTUVWXYZ"), 2))
        return f"{letters} {self._rng.integers(100, 9999)}"


def fill_words(root: Any, database: Database) -> StoredSpace:
    """Words for every scene there is. `root` is a superuser's connection, committed here."""
    scenes = root.execute(
        "SELECT asset_id::text, scene_id::text, start_us FROM heimdex.scene ORDER BY asset_id, position"
    ).fetchall()
    by_asset: dict[str, list[tuple[str, int]]] = {}
    for asset_id, scene_id, start_us in scenes:
        by_asset.setdefault(asset_id, []).append((scene_id, start_us))
    speaker, stems = Speaker(), Stems()
    root.execute("SET LOCAL session_replication_role = replica")
    root.execute(
        "INSERT INTO heimdex.transcript (owner_id, asset_id, source, model, language)"
        " SELECT owner_id, asset_id, 'speech', 'bench', 'en' FROM heimdex.asset"
    )
    texts: dict[str, dict[str, SceneTexts]] = {}
    for asset_id, own in by_asset.items():
        texts[asset_id] = {
            scene_id: SceneTexts(
                spoken=(Passage(text=speaker.sentence(SAID), language="en"),),
                written=(f"{speaker.sentence(1)} {speaker.serial()}",),
                captions=(Passage(text=speaker.sentence(DESCRIBED), language="en"),),
            )
            for scene_id, _ in own
        }
    places = {scene_id: (asset_id, start_us) for asset_id, scene_id, start_us in scenes}
    copy_sources(root, texts, places)
    root.commit()
    for asset_id, own_texts in texts.items():
        database.run(
            SINGLE_OWNER, lambda c, a=asset_id, t=own_texts: replace_terms(c, SINGLE_OWNER, a, t, stems)
        )
    return fill_vectors(root, database)


def copy_sources(
    root: Any, texts: dict[str, dict[str, SceneTexts]], places: dict[str, tuple[str, int]]
) -> None:
    """Utterances, lines and descriptions."""

    def scenes() -> Iterator[tuple[str, str, int, SceneTexts]]:
        for asset_id, own in texts.items():
            for scene_id, scene in own.items():
                yield asset_id, scene_id, places[scene_id][1], scene

    columns = "owner_id, utterance_id, asset_id, position, start_us, end_us, text, language, confidence"
    with root.cursor().copy(f"COPY heimdex.utterance ({columns}, words) FROM STDIN") as copy:
        for number, (asset_id, _, start_us, scene) in enumerate(scenes()):
            text = scene.spoken[0].text
            words = json.dumps([[word, start_us, start_us + 1, 0.9] for word in text.split()])
            row = (SINGLE_OWNER, new_id(), asset_id, number, start_us, start_us + 1, text, "en", 0.9, words)
            copy.write_row(row)
    columns = "owner_id, line_id, asset_id, scene_id, at_us, start_us, end_us, text, box, confidence, script"
    with root.cursor().copy(f"COPY heimdex.text_line ({columns}) FROM STDIN") as copy:
        for asset_id, scene_id, start_us, scene in scenes():
            place = (start_us, start_us, start_us + 1)
            box = [0.1, 0.1, 0.3, 0.05]
            row = (SINGLE_OWNER, new_id(), asset_id, scene_id, *place, scene.written[0], box, 0.9, "Latn")
            copy.write_row(row)
    columns = "owner_id, scene_id, asset_id, text, language, model"
    with root.cursor().copy(f"COPY heimdex.description ({columns}) FROM STDIN") as copy:
        for asset_id, scene_id, _, scene in scenes():
            copy.write_row((SINGLE_OWNER, scene_id, asset_id, scene.captions[0].text, "en", "bench"))


def fill_vectors(root: Any, database: Database) -> StoredSpace:
    """A vector for each channel of each scene, and the indexes."""
    encoder = catalog.load_text(TEXT_MODEL)
    speaker = Speaker()
    base = np.stack([v.values for v in encoder.encode([speaker.sentence(SAID) for _ in range(MEANINGS)])])
    space = Space(model=TEXT_MODEL, name="text", dim=base.shape[1])
    model = database.run(SINGLE_OWNER, lambda c: vectors.register_model(c, [space], "int8", "1" * 64))
    stored = model.spaces[0]
    noise = np.random.default_rng(SEED).standard_normal((NOISES, base.shape[1])).astype(np.float32)
    noise *= JITTER / np.linalg.norm(noise, axis=1, keepdims=True)
    root.execute("SET LOCAL session_replication_role = replica")
    for name, rows in (("meaning", base), ("turn", noise)):
        root.execute(f"CREATE TEMP TABLE {name} (n int PRIMARY KEY, v halfvec)")
        with root.cursor() as cursor:
            pairs = [(number, Half(row)) for number, row in enumerate(rows)]
            cursor.executemany(f"INSERT INTO {name} VALUES (%s, %s)", pairs)
    for number, channel in enumerate(TextChannel):
        root.execute(
            "INSERT INTO heimdex.text_vector (owner_id, space_id, channel, scene_id, asset_id, text, at_us,"
            " embedding, checksum, metadata)"
            " SELECT owner_id, %(space)s, %(channel)s, scene_id, asset_id, 'a text', start_us, v,"
            " sha256(halfvec_send(v)), '{}'"
            " FROM (SELECT s.*, l2_normalize(meaning.v + turn.v) AS v"
            "  FROM (SELECT *, row_number() OVER (ORDER BY scene_id) AS n FROM heimdex.scene) s"
            "  JOIN meaning ON meaning.n = (s.n * 7 + %(number)s) %% %(meanings)s"
            "  JOIN turn ON turn.n = (s.n * 13 + %(number)s) %% %(turns)s) made",
            {
                "space": stored.space_id,
                "channel": str(channel),
                "number": number,
                "meanings": MEANINGS,
                "turns": NOISES,
            },
        )
    root.commit()
    database.run(SINGLE_OWNER, lambda c: text_vectors.build_large_indexes(c, SINGLE_OWNER, stored.space_id))
    return stored
