"""The pictures the library is made from: where they come from, who made them, and under which licence."""

from __future__ import annotations

import hashlib
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageOps

SCIKIT_IMAGE = "0.26.0"  # the release whose data folder holds the pictures
CC0 = "CC0-1.0"
PUBLIC_DOMAIN = "public domain"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A picture we may ship. `tint` gives a grey picture colour: its darkest and lightest tone."""

    file: str
    sha256: str
    title: str
    author: str
    licence: str
    origin: str
    tint: tuple[str, str] | None = None


SOURCES = {
    "cat": Source(
        file="chelsea.png",
        sha256="596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb",
        title="Chelsea the cat",
        author="Stéfan van der Walt",
        licence=CC0,
        origin="scikit-image, skimage.data.chelsea: CC0 by the photographer",
    ),
    "coffee": Source(
        file="coffee.png",
        sha256="cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7",
        title="Coffee cup (courtesy of Pikolo Espresso Bar)",
        author="Rachel Michetti",
        licence=CC0,
        origin="scikit-image, skimage.data.coffee: CC0 by the photographer",
    ),
    "rocket": Source(
        file="rocket.jpg",
        sha256="c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c",
        title="DSCOVR on a Falcon 9, Cape Canaveral",
        author="SpaceX",
        licence=PUBLIC_DOMAIN,
        origin="https://www.flickr.com/photos/spacexphotos/16511594820/",
    ),
    "astronaut": Source(
        file="astronaut.png",
        sha256="88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5",
        title="Portrait of astronaut Eileen Collins",
        author="NASA",
        licence=PUBLIC_DOMAIN,
        origin="https://flic.kr/p/r9qvLn (NASA Great Images)",
    ),
    "photographer": Source(
        file="camera.png",
        sha256="b0793d2adda0fa6ae899c03989482bff9a42d3d5690fc7e3648f2795d730c23a",
        title="Man with a camera on a tripod",
        author="Lav Varshney",
        licence=CC0,
        origin="scikit-image 0.18 and later, skimage.data.camera: CC0 by the photographer",
    ),
    "galaxies": Source(
        file="hubble_deep_field.jpg",
        sha256="3a19c5dd8a927a9334bb1229a6d63711b1c0c767fb27e2286e7c84a3e2c2f5f4",
        title="Hubble eXtreme Deep Field",
        author="NASA, ESA and the HUDF09 team",
        licence=PUBLIC_DOMAIN,
        origin="http://hubblesite.org/newscenter/archive/releases/2012/37/image/a/",
    ),
    "retina": Source(
        file="retina.jpg",
        sha256="38a07f36f27f095e818aea7b96d34202c05176d30253c66733f2e00379e9e0e6",
        title="Fundus photograph of a normal left eye",
        author="Mikael Häggström",
        licence=CC0,
        origin="https://commons.wikimedia.org/wiki/File:Fundus_photograph_of_normal_left_eye.jpg",
    ),
    "horse": Source(
        file="horse.png",
        sha256="c7fb60789fe394c485f842291ea3b21e50d140f39d6dcb5fb9917cc178225455",
        title="Silhouette of a horse (the evening sky behind it is drawn by the script)",
        author="Andreas Preuss (marauder)",
        licence=CC0,
        origin="http://openclipart.org/detail/158377/horse-by-marauder",
    ),
    "wall": Source(
        file="brick.png",
        sha256="7966caf324f6ba843118d98f7a07746d22f6a343430add0233eca5f6eaaa8fcf",
        title="Brick wall (grey; coloured by the script)",
        author="CC0Textures, Bricks25",
        licence=CC0,
        origin="https://cc0textures.com/view.php?tex=Bricks25",
        tint=("#38140c", "#d99a78"),
    ),
    "grass": Source(
        file="grass.png",
        sha256="b6b6022426b38936c43a4ac09635cd78af074e90f42ffa8227ac8b7452d39f89",
        title="Grass (grey; coloured by the script)",
        author="linolafett",
        licence=CC0,
        origin="https://www.deviantart.com/linolafett/art/Grass-01-434853879",
        tint=("#0c2408", "#cfe08a"),
    ),
    "gravel": Source(
        file="gravel.png",
        sha256="c48615b451bf1e606fbd72c0aa9f8cc0f068ab7111ef7d93bb9b0f2586440c12",
        title="Gravel (grey)",
        author="CC0Textures, Gravel04",
        licence=CC0,
        origin="https://cc0textures.com/view.php?tex=Gravel04",
    ),
}


def fetch_pictures(scratch: Path) -> Path:
    """Scikit-image's data folder, out of its wheel."""
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
    subprocess.run([*pip, "--dest", str(scratch), f"scikit-image=={SCIKIT_IMAGE}"], check=True)
    with zipfile.ZipFile(next(scratch.glob("*.whl"))) as wheel:
        for name in wheel.namelist():
            if name.startswith("skimage/data/"):
                wheel.extract(name, scratch)
    return scratch / "skimage/data"


def load_pictures(folder: Path) -> dict[str, Image.Image]:
    """Every source as RGB. Refuses a file that is not the one whose licence was checked."""
    pictures = {}
    for name, source in SOURCES.items():
        content = (folder / source.file).read_bytes()
        if hashlib.sha256(content).hexdigest() != source.sha256:
            sys.exit(
                f"{source.file} is not the picture of scikit-image {SCIKIT_IMAGE}; check its licence anew."
            )
        picture: Image.Image = Image.open(io.BytesIO(content))
        if name == "horse":
            picture = before_evening_sky(picture)
        elif source.tint:
            picture = ImageOps.colorize(picture.convert("L"), *source.tint)
        pictures[name] = picture.convert("RGB")
    return pictures


def before_evening_sky(shape: Image.Image) -> Image.Image:
    """The dark shape on a meadow before a sky that goes from blue to orange."""
    width, height, horizon = 720, 405, 340
    sky = np.linspace((70, 80, 150), (250, 150, 60), horizon)
    ground = np.linspace((60, 70, 30), (25, 35, 15), height - horizon)
    rows = np.concatenate([sky, ground]).astype(np.uint8)
    scene = Image.fromarray(np.repeat(rows[:, None], width, axis=1))
    ImageDraw.Draw(scene).ellipse((90, 240, 190, 340), fill=(255, 226, 150))
    mask = ImageOps.invert(shape.convert("RGBA").convert("L"))
    if shape.mode == "RGBA":
        mask = Image.composite(mask, Image.new("L", mask.size), shape.getchannel("A"))
    mask = mask.resize((390, 320), Image.Resampling.LANCZOS)
    scene.paste((22, 16, 20), (200, 55), mask)
    return scene
