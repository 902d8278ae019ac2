"""The library's door to what marked queries teach its searches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from heimdex.search.adapting.teacher import Taught, Teacher
    from heimdex.search.labels import Labelled
    from heimdex.store.adapters import AdapterRecord


class Adapters:
    """Adapters of one library's searches: `train`, `list`, `use`, `off`."""

    def __init__(self, make_teacher: Callable[[], Teacher]) -> None:
        self._make_teacher = make_teacher

    def train(
        self, marks: str | Path | Sequence[Labelled], on_step: Callable[[str], None] = lambda _: None
    ) -> dict[str, Any]:
        """Train a version from labelled queries or a file of them; it is used if better on those held out.

        Returns {"adapter": as in `list`, "missing": [{"path", "start", "end"}]}. Raises UsageError.
        """
        from heimdex.search.labels import read_labels

        labels = read_labels(Path(marks)) if isinstance(marks, (str, Path)) else marks
        taught = self._make_teacher().train(labels, on_step)
        return {"adapter": _document(taught.record, taught.record.model_id), "missing": _missing(taught)}

    def list(self) -> dict[str, Any]:
        """{"adapters": [{"version", "state", "model", …}]}, the newest first."""
        records, model_id = self._make_teacher().versions()
        return {"adapters": [_document(record, model_id) for record in records]}

    def use(self, version: int) -> dict[str, Any]:
        """Use a version from the next search on. Raises NotFound, UsageError for one that was refused."""
        teacher = self._make_teacher()
        return {"adapter": _document(teacher.use(version), teacher.versions()[1])}

    def off(self) -> dict[str, Any]:
        """Search as if there were none: {"off": the versions that were in use}."""
        return {"off": self._make_teacher().off()}


def _document(record: AdapterRecord, model_id: int | None) -> dict[str, Any]:
    return {
        "version": record.version,
        "state": record.state,
        "reason": record.reason,
        "model": record.model,
        "precision": record.precision,
        "fits": record.model_id == model_id,
        "factors": record.parameters["factors"],
        "residual": record.parameters["residual"],
        "figures": record.figures,
        "trained_at": record.trained_at.isoformat(),
    }


def _missing(taught: Taught) -> list[dict[str, Any]]:
    return [
        {
            "path": moment.path,
            "start": None if moment.start_us is None else moment.start_us / 1e6,
            "end": None if moment.end_us is None else moment.end_us / 1e6,
        }
        for moment in taught.missing
    ]
