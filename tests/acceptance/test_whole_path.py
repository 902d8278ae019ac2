"""Models of full size with random weights: pulled from a hub, verified, indexed with, searched with."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from heimdex.encoders import catalog
from heimdex.encoders.row import LoadOptions
from tests.acceptance import homes
from tests.acceptance.homes import Home
from tests.hub_stub import HubStub, hub_stub, mapped
from tests.random_weights import write

pytestmark = [pytest.mark.acceptance, pytest.mark.timeout(900)]

SAMPLES = Path(catalog.__file__).parents[1] / "samples"
NEEDED_BYTES = 5 << 30  # beside what the weights take twice: compiled graphs
PICTURES = {  # a row's name → the length of its vectors
    "clip-vit-b-32-openai": 512,
    "resnet50-imagenet": 2048,
    "siglip-so400m-patch14-384": 1152,
}


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(homes, "PATIENCE_S", 600.0)  # gigabytes are compiled


@pytest.fixture
def hub() -> Iterator[HubStub]:
    with hub_stub() as made:
        yield made


def pulled(name: str, folder: Path, hub: HubStub) -> Home:
    """A home with a model of full size that came from the hub. Its weights are random, so no sense probes."""
    row = catalog.find(name)
    if shutil.disk_usage(folder).free < 2 * row.size_bytes + NEEDED_BYTES:
        pytest.skip(f"less than {(2 * row.size_bytes + NEEDED_BYTES) >> 30} GiB of disk are free")
    source = write(row, folder / "source")
    assert row.repository is not None
    hub.add(row.repository, {file: mapped(source / file) for file in row.files}, commit=row.revision)
    settings = {"HEIMDEX_HUB_ENDPOINT": hub.url, "HEIMDEX_HUB_CACHE_DIR": str(folder / "no-cache")}
    home = Home(path=folder / "home", settings=settings)
    home.run("models", "pull", name, "--yes")
    shutil.rmtree(source)
    home.run("models", "verify", name, "--no-probes", "--no-pull")
    return home


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_model_of_full_size_goes_the_whole_way(name: str, tmp_path: Path, hub: HubStub) -> None:
    home = pulled(name, tmp_path, hub)
    home.settings["HEIMDEX_PICTURE_MODEL"] = name
    photos = tmp_path / "photos"
    photos.mkdir()
    chosen = sorted(SAMPLES.rglob("*.jpg"))[:6]
    for photo in chosen:
        shutil.copy(photo, photos)
    indexed = home.index(photos)
    assert indexed["indexed"] == len(chosen)
    assert indexed["failed"] == []
    found = home.run("search", "--image", str(photos / chosen[2].name))
    first = found["hits"][0]
    assert Path(first["path"]).name == chosen[2].name
    assert first["evidence"][0]["raw"] == pytest.approx(1.0, abs=2e-3)
    assert found["models"] == {"picture": name}
    # Of random weights words and pictures may be opposite: hits of any cosine.
    seen = home.run("search", "a dog on the grass", "--match-threshold", "-1")
    assert bool(seen["hits"]) == (catalog.find(name).words_file is not None)
    vectors = home.run("export", str(photos / chosen[0].name))["vectors"]
    assert {vector["metadata"]["embed_dim"] for vector in vectors} == {PICTURES[name]}
    home.run("verify")


def test_a_sentence_model_of_full_size_goes_as_far_as_there_is_to_go(tmp_path: Path, hub: HubStub) -> None:
    home = pulled("bge-m3", tmp_path, hub)
    options = LoadOptions(models_dir=home.path / "models", cache_dir=home.path / "compiled", threads=2)
    encoder = catalog.load_text("bge-m3", options)
    one, two = encoder.encode(["ein Hund im Gras", "的士 in the rain"], "query")
    assert one.values.shape == (1024,)
    assert np.linalg.norm(one.values) == pytest.approx(1.0, abs=1e-3)
    assert not np.allclose(one.values, two.values, atol=1e-3)
