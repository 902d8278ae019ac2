"""torchvision's and transformers' ResNet-50 beside ours: the pool before the classifier."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchvision
import transformers
from PIL import Image

from heimdex.encoders.probes import probe
from heimdex.encoders.resnet import ResnetEncoder
from heimdex.encoders.row import ModelRow
from heimdex.inference.session import Precision
from tests.parity.exporting import (
    LEAST,
    Graph,
    alike,
    cosines,
    export,
    made_row,
    manifest,
    options,
    randomised,
)
from tests.parity.pictures import PICTURES

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
Reference = tuple[ModelRow, Path, Callable[[list[Image.Image]], Any]]


def reference_of(library: str, folder: Path) -> Reference:
    row = made_row(
        family="resnet",
        input_size=224,
        mean=MEAN,
        std=STD,
        resize="centre",
        filter="bilinear" if library == "torchvision" else "bicubic",
        files=("picture.onnx",),
    )
    if library == "torchvision":
        model = randomised(torchvision.models.resnet50(), 2.0)
        prepare = torchvision.models.ResNet50_Weights.IMAGENET1K_V1.transforms()
        pool = torch.nn.Sequential(*list(model.children())[:-1], torch.nn.Flatten())
        forward = model.forward
        pictures = lambda images: pool(torch.stack([prepare(image) for image in images]))  # noqa: E731
    else:
        model = randomised(
            transformers.ResNetForImageClassification(transformers.ResNetConfig(num_labels=1000)), 2.0
        )
        processor = transformers.ConvNextImageProcessorPil(
            size={"shortest_edge": 224}, crop_pct=0.875, resample=3, image_mean=MEAN, image_std=STD
        )
        forward = lambda pixels: model(pixels).logits  # noqa: E731
        pictures = lambda images: model.resnet(  # noqa: E731
            processor(images, return_tensors="pt")["pixel_values"]
        ).pooler_output.flatten(1)
    export(
        model,
        Graph(
            function=forward,
            example=(torch.zeros(2, 3, 224, 224),),
            inputs=("pixel_values",),
            outputs=("logits",),
            free={"pixel_values": (0, 2, 3), "logits": (0,)},
        ),
        folder / "picture.onnx",
    )
    return row, manifest(folder), pictures


@pytest.fixture(scope="module", params=["torchvision", "transformers"])
def reference(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    return reference_of(request.param, tmp_path_factory.mktemp("resnet") / "model")


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_pictures_get_the_pool_and_not_the_classes(reference: Reference, precision: Precision) -> None:
    row, folder, pictures = reference
    encoder = ResnetEncoder(row, options(folder, precision))
    assert encoder.similar_space.dim == 2048
    images = [picture.image.convert("RGB") for picture in PICTURES[:2]]  # even crops: see test_pictures
    images += [Image.fromarray(np.asarray(images[0])[::-1, ::2])]
    wanted = pictures(images)
    assert alike(wanted) < 0.999
    found = [vector.values for (vector,) in encoder.encode_pictures([np.asarray(image) for image in images])]
    assert cosines(found, wanted).min() >= LEAST[precision]


def test_a_net_that_never_learnt_anything_fails_its_probes(reference: Reference) -> None:
    row, folder, _ = reference
    assert not all(result.ok for result in probe(ResnetEncoder(row, options(folder))))
