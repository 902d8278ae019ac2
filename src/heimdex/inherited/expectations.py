"""What people expect of the picture model, held against what it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from heimdex.errors import SettingsError

DIM = "HEIMDEX_PICTURE_DIM or VISION_EMBEDDING_DIM"
SIZE = "HEIMDEX_MAX_IMAGE_PX or CLIP_MAX_IMAGE_SIZE"


@dataclass(frozen=True, kw_only=True, slots=True)
class Expected:
    """What a model should be like; None: anything will do."""

    dim: int | None
    most_px: int | None  # the largest side it may look at

    def check(self, model: str, dims: Sequence[int], input_px: int) -> None:
        """Raise SettingsError, with the right value, where the model is another.

        `dims` are the lengths of its vectors, one for each of its spaces; `input_px` the side it looks at.
        """
        if self.dim is not None and self.dim not in dims:
            right = " or ".join(str(dim) for dim in dict.fromkeys(dims))
            raise SettingsError(
                f"{DIM} is {self.dim}, but the model {model} gives vectors of {right}. Set {right}, or "
                "remove it: the length is read from the model."
            )
        if self.most_px is not None and self.most_px < input_px:
            raise SettingsError(
                f"{SIZE} is {self.most_px}, but the model {model} looks at {input_px} px. Set {input_px} or "
                "more, or remove it."
            )
