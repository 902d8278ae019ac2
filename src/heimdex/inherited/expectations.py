"""What people expect of the models, held against what those are: lengths are read from the graphs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from heimdex.errors import ModelUnavailable, SettingsError

if TYPE_CHECKING:
    from heimdex.encoders.row import LoadOptions
    from heimdex.pipeline.tools import PictureModel

DIM = "HEIMDEX_PICTURE_DIM or VISION_EMBEDDING_DIM"
FACE_DIM = "HEIMDEX_FACE_DIM or FACE_EMBEDDING_DIM"
SIZE = "HEIMDEX_MAX_IMAGE_PX or CLIP_MAX_IMAGE_SIZE"
FACE_MODEL = "sface"  # where none is named


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What models should be like; None: anything will do."""

    dim: int | None = None  # of the picture model's vectors, in one of its spaces
    most_px: int | None = None  # the largest side it may look at
    face_dim: int | None = None
    face_model: str | None = None
    face_model_file: Path | None = None

    def check(self, model: PictureModel) -> None:
        """Raise SettingsError, with the right value, where a model is another.

        A face model that is not installed cannot be asked; it is when it is.
        """
        name, input_px = model.row.name, model.row.input_size
        expect_dim(DIM, self.dim, name, [space.dim for space in model.spaces])
        if self.most_px is not None and self.most_px < input_px:
            raise SettingsError(
                f"{SIZE} is {self.most_px}, but the model {name} looks at {input_px} px. Set {input_px} or "
                "more, or remove it."
            )
        if self.face_dim is not None:
            face_model = self.face_model or FACE_MODEL
            dims = _face_dims(face_model, self.face_model_file, model.options)
            expect_dim(FACE_DIM, self.face_dim, face_model, dims)


def expect_dim(names: str, expected: int | None, model: str, dims: Sequence[int]) -> None:
    """Raise SettingsError where `names` expect another length than the model's vectors have.

    `dims` are their lengths, one for each space; none where the model cannot be asked.
    """
    if expected is not None and dims and expected not in dims:
        right = " or ".join(str(dim) for dim in dict.fromkeys(dims))
        raise SettingsError(
            f"{names} is {expected}, but the model {model} gives vectors of {right}. Set {right}, or remove "
            "it: the length is read from the model."
        )


def _face_dims(model: str, file: Path | None, options: LoadOptions) -> list[int]:
    """The lengths of what a face model gives, from its graph; none where it is not here, or has no graph."""
    from heimdex.encoders import catalog
    from heimdex.encoders.files import ModelFiles
    from heimdex.inference.graphs import read_graph
    from heimdex.inference.weights import VerifiedFile

    if file is not None:
        if not file.is_file():
            raise SettingsError(
                f"There is no face model at {file}. Set HEIMDEX_FACE_MODEL_FILE to one, or remove it."
            )
        facts = read_graph(VerifiedFile(path=file, sha256=""))
    elif model == FACE_MODEL:
        row = catalog.find(model, options.models_dir)
        try:
            facts = ModelFiles(row, options).facts(row.files[0])
        except ModelUnavailable:
            return []
    else:
        return []
    return [port.shape[-1] for port in facts.outputs if port.shape and port.shape[-1] is not None]
