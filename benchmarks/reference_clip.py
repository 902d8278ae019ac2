"""open_clip's ViT-B/32 with random weights: as others use it, and as our engine runs it.

Speed does not depend on what the weights are, and no model hub is needed. This is the only file that knows
torch; the model is written to ONNX once, into the cache folder, and read by `heimdex.inference` from there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.plan import CORES
from heimdex.entities import Picture
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import Precision, SessionOptions
from heimdex.inference.transforms import fit, normalise
from heimdex.inference.weights import MANIFEST, open_weights

NAME = "ViT-B-32"
SIDE = 224  # px
DIM = 512
MEAN = (0.48145466, 0.4578275, 0.40821073)  # open_clip's OPENAI_DATASET_MEAN
STD = (0.26862954, 0.26130258, 0.27577711)
SEED = 7
BATCH = 8
RECIPE = 1  # raise it when the file would come out differently


class PictureTower:
    """Our engine on the picture half of the reference model."""

    def __init__(self, folder: Path, precision: Precision = "auto") -> None:
        self.session = OpenVinoSession(
            open_weights(folder, "picture.onnx"),
            SessionOptions(
                precision=precision, threads=CORES, batches=(1, BATCH), cache_dir=folder / "compiled"
            ),
        )
        self.batch = self.session.batch

    def embed(self, pictures: Sequence[Picture]) -> NDArray[np.float32]:
        """Pictures of any size → unit vectors, (n, 512), in one batch."""
        return self.embed_prepared(np.stack([prepared(picture) for picture in pictures]))

    def embed_prepared(self, squares: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(n, 224, 224, 3) → (n, 512)."""
        found: NDArray[np.float32] = self.session.run({"pixels": normalise(squares, MEAN, STD)})["embedding"]
        return found


def tower(cache: Path, precision: Precision = "auto") -> PictureTower:
    """The engine's side, warm; its ONNX file is made where it is not there yet."""
    folder = cache / f"vit-b-32-{RECIPE}"
    if not (folder / MANIFEST).exists():
        export(folder)
    made = PictureTower(folder, precision)
    for count in (made.batch, 1):
        made.embed_prepared(np.zeros((count, SIDE, SIDE, 3), np.uint8))
    return made


def prepared(picture: Picture) -> Picture:
    """The central square, (224, 224, 3): what open_clip's transform does up to ToTensor."""
    height, width = picture.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return fit(picture[top : top + side, left : left + side], SIDE, "squash")


class OpenClip:
    """What a script that uses open_clip does: one picture after another, fp32."""

    def __init__(self) -> None:
        self.torch = load_torch()
        self.model, self.transform = reference()

    def embed(self, picture: Image.Image) -> NDArray[np.float32]:
        """One picture → its unit vector, (512,)."""
        with self.torch.inference_mode():
            pixels = self.transform(picture).unsqueeze(0)
            found: NDArray[np.float32] = self.model.encode_image(pixels, normalize=True)[0].numpy()
            return found

    def embed_file(self, path: Path) -> NDArray[np.float32]:
        """A photo file → its unit vector."""
        with Image.open(path) as photo:
            return self.embed(photo.convert("RGB"))

    def embed_square(self, square: Picture) -> NDArray[np.float32]:
        """An already prepared picture, (224, 224, 3), so that both engines see the same numbers."""
        with self.torch.inference_mode():
            pixels = self.torch.from_numpy(normalise(square[np.newaxis], MEAN, STD))
            found: NDArray[np.float32] = self.model.encode_image(pixels, normalize=True)[0].numpy()
            return found


@lru_cache(maxsize=1)
def load_torch() -> Any:
    """Torch on as many cores as we use; torchvision made importable.

    torchvision's compiled operators are built against one CUDA, so with a torch for the CPU they are missing
    and its import fails where it describes two of them. Its image transforms need none.
    """
    import torch

    torch.set_num_threads(CORES)
    library = torch.library.Library("torchvision", "FRAGMENT")
    if torch.version.cuda is None:
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    load_torch.library = library  # type: ignore[attr-defined]  # the declarations last as long as it does
    return torch


@lru_cache(maxsize=1)
def reference() -> tuple[Any, Any]:
    """(model, transform) of open_clip, random weights from a seed, ready to encode."""
    torch = load_torch()
    import open_clip

    torch.manual_seed(SEED)
    model, _, transform = open_clip.create_model_and_transforms(NAME)
    return model.eval().requires_grad_(False), transform


def export(folder: Path) -> None:
    """Write the picture half to ONNX, with the manifest that `heimdex.inference` asks for."""
    torch = load_torch()
    visual = reference()[0].visual

    class Tower(torch.nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, pixels: Any) -> Any:
            found = visual(pixels)
            return found / found.norm(dim=-1, keepdim=True)

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "picture.onnx"
    torch.backends.mha.set_fastpath_enabled(False)  # its fused attention has no counterpart in ONNX
    torch.onnx.export(
        Tower().eval(),
        (torch.zeros(2, 3, SIDE, SIDE),),
        str(path),
        input_names=["pixels"],
        output_names=["embedding"],
        dynamic_axes={"pixels": {0: "n"}, "embedding": {0: "n"}},
        opset_version=17,
        dynamo=False,  # the other way needs a further package
    )
    torch.backends.mha.set_fastpath_enabled(True)
    entry = {
        "name": path.name,
        "size_bytes": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "licence": "MIT",
        "source": "open_clip ViT-B-32, random weights",
    }
    (folder / MANIFEST).write_text(json.dumps({"files": [entry]}), encoding="utf-8")
