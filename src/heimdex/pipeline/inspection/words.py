"""Terms and text vectors, as far as their rows tell. Only those of the text model in use are looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from heimdex.entities import StageState
from heimdex.errors import ModelError
from heimdex.pipeline.flow import TEXT
from heimdex.pipeline.inspection import faults
from heimdex.pipeline.inspection.faults import FaultKind, Finding
from heimdex.pipeline.inspection.subject import Read, Subject, scene_name
from heimdex.pipeline.tools import Tools
from heimdex.store import text_checks, vectors
from heimdex.store.text_checks import TermFlaw, TextFlaw

TEXT_KINDS = {
    "missing": faults.TEXT_MISSING,
    "altered": faults.TEXT_ALTERED,
    "astray": faults.TEXT_ASTRAY,
}
TERM_KINDS = {"missing": faults.TERMS_MISSING, "astray": faults.TERMS_ASTRAY}


class Words:
    """The words of the assets of a page."""

    def __init__(self, tools: Tools, read: Read) -> None:
        self._tools = tools
        self._read = read

    def check(self, subjects: Sequence[Subject]) -> Iterator[Finding]:
        """What is wrong with terms and text vectors where the stage `text` is done."""
        by_id = {subject.asset_id: subject for subject in subjects if _done(subject)}
        if not by_id:
            return
        model_id, texts, terms = self._read(lambda c: self._flaws(c, list(by_id)))
        for text in texts:
            subject = by_id[text.asset_id]
            where = scene_name(text.position, text.start_us)
            yield subject.found(
                TEXT_KINDS[text.what],
                where,
                f"{text.channel} of {text.scene_id}",
                model_id=model_id,
                group=text.scene_id,
                detail=text.channel,
            )
        for term in terms:
            subject = by_id[term.asset_id]
            kind: FaultKind = TERM_KINDS[term.what]
            for run in _done(subject):
                yield subject.found(kind, f"{term.count} of them", TEXT.name, model_id=run)

    def _flaws(self, connection: Any, asset_ids: Sequence[str]) -> tuple[int, list[TextFlaw], list[TermFlaw]]:
        owner = self._tools.owner
        model_id = self._model_id(connection)
        texts = text_checks.text_flaws(connection, owner, model_id, asset_ids) if model_id else []
        return model_id, texts, text_checks.term_flaws(connection, owner, asset_ids)

    def _model_id(self, connection: Any) -> int:
        """The text model in use; 0 where it is not installed, or nothing was indexed with it."""
        try:
            model = self._tools.text_model
        except ModelError:
            return 0
        stored = vectors.find_model(connection, model.row.name, model.row.precision, model.weights_sha256)
        return 0 if stored is None else stored.model_id


def _done(subject: Subject) -> list[int]:
    """The models for which the stage is done."""
    return [
        entry.model_id
        for entry in subject.entries
        if entry.stage == TEXT.name and entry.state == StageState.DONE
    ]
