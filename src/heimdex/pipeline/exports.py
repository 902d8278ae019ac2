"""What is known of assets, in the forms other programs read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from psycopg import Connection

from heimdex.entities import Asset, Hit, Kind, Scene, TextLine, Transcript, Utterance
from heimdex.errors import NotFound, UsageError
from heimdex.pipeline import captions
from heimdex.pipeline.edl import Shot, edl
from heimdex.pipeline.library import find_asset, seconds, sidecar
from heimdex.pipeline.tools import Tools
from heimdex.store import assets, descriptions, scenes, text_lines, transcripts

TEXT_FORMS = ("srt", "vtt", "edl")


def document(tools: Tools, name: str) -> dict[str, Any]:
    """Everything known of an asset, as its sidecar's content. Raises NotFound."""
    found = sidecar(tools, name)
    return found | words_of(tools, found["asset"]["asset_id"])


def text(tools: Tools, name: str, form: str) -> str:
    """The text of an asset's srt, vtt or edl file.

    Raises NotFound where there is no such asset or nothing of the kind in it, UsageError for another form.
    """
    if form not in TEXT_FORMS:
        raise UsageError(f"no format called {form!r}; there are sidecar, {', '.join(TEXT_FORMS)}")
    return scene_list(tools, name) if form == "edl" else subtitles(tools, name, form)


def subtitles(tools: Tools, name: str, form: str) -> str:
    """An asset's transcript as an srt or vtt file. Raises NotFound where there is none."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> Transcript | None:
        asset = find_asset(connection, owner, name)
        return transcripts.transcript_of(connection, owner, asset.asset_id)

    transcript: Transcript | None = tools.database.run(owner, read, read_only=True)
    if transcript is None:
        raise NotFound(f"{name} has no transcript yet; run `heimdex index` over it")
    if not transcript.utterances:
        raise NotFound(f"nothing is said in {name}, so there are no subtitles to write")
    write = captions.srt if form == "srt" else captions.vtt
    return write(transcript.utterances)


def scene_list(tools: Tools, name: str) -> str:
    """An asset's scenes as an edit decision list. Raises NotFound."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> tuple[Asset, str, list[Scene]]:
        asset = find_asset(connection, owner, name)
        paths = assets.paths_of(connection, owner, asset.asset_id)
        path = paths[0].path if paths else asset.asset_id
        return asset, path, scenes.scenes_of(connection, owner, asset.asset_id)

    asset, path, found = tools.database.run(owner, read, read_only=True)
    if not found:
        raise NotFound(f"{name} has no scenes yet; run `heimdex index` over it")
    shots = [_shot(asset, path, scene.start_us, scene.end_us) for scene in found]
    return edl(shots, title=path.rpartition("/")[2])


def hit_list(tools: Tools, hits: Sequence[Hit], *, title: str) -> str:
    """The moments that a search found as an edit decision list, best first. Raises NotFound for no hits."""
    if not hits:
        raise NotFound("nothing was found, so there is no list to write")
    owner = tools.owner
    ids = list(dict.fromkeys(hit.asset_id for hit in hits))
    known = tools.database.run(owner, lambda c: assets.get_assets(c, owner, ids), read_only=True)
    by_id = {asset.asset_id: asset for asset in known}
    shots = [
        _shot(by_id[hit.asset_id], hit.path, hit.start_us, hit.end_us)
        for hit in hits
        if hit.asset_id in by_id
    ]
    return edl(shots, title=title)


def words_of(tools: Tools, asset_id: str) -> dict[str, Any]:
    """What is said, written and described in an asset, for its sidecar."""
    owner = tools.owner

    def read(connection: Connection[Any]) -> dict[str, Any]:
        transcript = transcripts.transcript_of(connection, owner, asset_id)
        return {
            "transcript": None if transcript is None else _transcript(transcript),
            "text_lines": [_line(line) for line in text_lines.lines_of(connection, owner, asset_id)],
            "descriptions": [
                asdict(row) for row in descriptions.descriptions_of(connection, owner, asset_id)
            ],
        }

    found: dict[str, Any] = tools.database.run(owner, read, read_only=True)
    return found


def _shot(asset: Asset, path: str, start_us: int, end_us: int) -> Shot:
    facts = asset.facts
    return Shot(
        path=path,
        start_us=start_us,
        end_us=end_us,
        frame_rate=facts.frame_rate if facts.kind == Kind.VIDEO else None,
        first_picture_us=facts.video_offset_us or 0,
        picture=facts.kind != Kind.AUDIO,
        sound=facts.audio_codec is not None,
    )


def _transcript(transcript: Transcript) -> dict[str, Any]:
    return {
        "source": transcript.source,
        "model": transcript.model,
        "language": transcript.language,
        "origin": transcript.origin,
        "note": transcript.note,
        "utterances": list(_utterances(transcript.utterances)),
    }


def _utterances(utterances: Iterable[Utterance]) -> Iterable[dict[str, Any]]:
    for utterance in utterances:
        yield {
            "start": seconds(utterance.start_us),
            "end": seconds(utterance.end_us),
            "text": utterance.text,
            "language": utterance.language,
            "confidence": round(utterance.confidence, 4),
            "words": [
                {
                    "text": word.text,
                    "start": seconds(word.start_us),
                    "end": seconds(word.end_us),
                    "confidence": round(word.confidence, 4),
                }
                for word in utterance.words
            ],
        }


def _line(line: TextLine) -> dict[str, Any]:
    return {
        "scene_id": line.scene_id,
        "at": seconds(line.at_us),
        "start": seconds(line.start_us),
        "end": seconds(line.end_us),
        "text": line.text,
        "box": list(line.box),
        "confidence": round(line.confidence, 4),
        "script": line.script,
    }
