"""Takes of a picture by a moving camera, each with something in it that only looks like a cut."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""RGB, uint8, (height, width, 3)."""

WIDTH, HEIGHT = 640, 360
TRAPS = (
    "none", "none", "none", "flash", "strobe", "explosion", "flicker", "whip", "objects", "overlay", "inset",
    "exposure", "dark", "grain", "pillars", "shake",
)  # fmt: skip


class Shot:
    """One take: a picture under a moving camera, with one thing in it that only looks like a cut."""

    def __init__(self, rng: np.random.Generator, picture: Pixels, extra: Pixels, frames: int, rate: float):
        self.rng, self.frames, self.rate = rng, frames, rate
        self.picture, self.extra = picture, extra
        self.trap = str(rng.choice(TRAPS))
        speed = rng.choice([0.0, 0.02, 0.06, 0.15, 0.35])  # picture widths per second
        angle = rng.uniform(0, 2 * np.pi)
        self.drift = np.array([np.cos(angle), np.sin(angle)]) * speed
        self.zoom = rng.choice([0.0, 0.0, 0.03, -0.03, 0.12, -0.12])  # log scale per second
        self.start = rng.uniform(-0.15, 0.15, 2)
        self.scale = rng.uniform(1.15, 1.6)
        shaky = 0.02 if self.trap == "shake" else rng.choice([0, 0, 0.002, 0.006])
        walk = rng.normal(0, 1, (frames + 12, 3))
        self.jitter = (
            np.stack([np.convolve(walk[:, k], np.ones(12) / 3.5, "valid") for k in range(3)], 1) * shaky
        )
        self.event = int(rng.integers(int(frames * 0.3), max(int(frames * 0.7), 1 + int(frames * 0.3))))
        self.size = rng.uniform(0.2, 0.5)
        self.lively = bool(rng.random() < 0.4)

    def frame(self, index: int) -> Pixels:
        """The picture at one moment, (360, 640, 3)."""
        image = self._seen(index)
        trap = getattr(self, f"_{self.trap}", None)
        return image if trap is None else trap(image, index)

    def _seen(self, index: int) -> Pixels:
        seconds = index / self.rate
        height, width = self.picture.shape[:2]
        shift = self.start + self.drift * seconds + self.jitter[index, :2]
        if self.trap == "whip" and index >= self.event:
            shift = shift + np.array([min(1.0, (index - self.event) / (0.3 * self.rate)) * 1.2, 0])
        cover = max(WIDTH / width, HEIGHT / height) * self.scale * np.exp(self.zoom * (seconds - 2))
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), np.degrees(self.jitter[index, 2]), cover)
        turn[:, 2] += [WIDTH / 2 - width / 2 - shift[0] * WIDTH, HEIGHT / 2 - height / 2 - shift[1] * WIDTH]
        border = cv2.BORDER_REFLECT_101
        image = cv2.warpAffine(self.picture, turn, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=border)
        return self._walker(image, seconds) if self.lively else image

    def _walker(self, image: Pixels, seconds: float) -> Pixels:
        """Somebody moves about in the picture: a soft ellipse of another picture."""
        centre = (0.5 + 0.3 * np.sin(seconds * 1.7 + self.size * 9), 0.6 + 0.1 * np.cos(seconds * 2.3))
        mask = np.zeros((HEIGHT, WIDTH), np.float32)
        spot = (int(centre[0] * WIDTH), int(centre[1] * HEIGHT))
        cv2.ellipse(mask, spot, (int(90 * self.size + 30), int(220 * self.size + 40)), 10, 0, 360, 1.0, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 4)[..., None]
        other = cv2.resize(self.extra, (WIDTH, HEIGHT))
        other = np.roll(other, (0, int(centre[0] * WIDTH)), (0, 1))
        return (image * (1 - mask) + other * mask).astype(np.uint8)

    def _flash(self, image: Pixels, index: int) -> Pixels:
        length = max(1, round(self.size * 6))
        if self.event <= index < self.event + length:
            return _gain(image, 1.5 + 3 * self.size, 90 + 200 * self.size)
        return image

    def _strobe(self, image: Pixels, index: int) -> Pixels:
        if self.event <= index < self.event + self.rate and (index // max(1, int(self.size * 8))) % 2:
            return _gain(image, 0.08, 0) if self.size < 0.35 else _gain(image, 2.5, 60)
        return image

    def _explosion(self, image: Pixels, index: int) -> Pixels:
        heat = np.exp(-(index - self.event) / (0.25 * self.rate)) if index >= self.event else 0.0
        fire = np.array([255, 200, 120], np.float32)
        return np.clip(image * (1 - 0.8 * heat) + fire * heat * 1.1, 0, 255).astype(np.uint8)

    def _flicker(self, image: Pixels, index: int) -> Pixels:
        return _gain(image, 1 + 0.3 * np.sin(index * 2.1) * self.size * 2, 0)

    def _objects(self, image: Pixels, index: int) -> Pixels:
        """Something large passes close to the camera within half a second."""
        part = (index - self.event) / (0.5 * self.rate)
        if not 0 <= part <= 1:
            return image
        side = int(WIDTH * (0.4 + self.size))
        left = int(-side + part * (WIDTH + side))
        other = cv2.resize(self.extra, (side, HEIGHT))
        low, high = max(0, left), min(WIDTH, left + side)
        image = image.copy()
        image[:, low:high] = other[:, low - left : high - left]
        return image

    def _overlay(self, image: Pixels, index: int) -> Pixels:
        if index >= self.event:
            image = image.copy()
            top = int(HEIGHT * 0.72)
            image[top : top + 70, 40:600] = (20, 30, 90)
            cv2.putText(
                image, "BREAKING NEWS", (70, top + 50), cv2.FONT_HERSHEY_DUPLEX, 1.6, (255, 255, 255), 3
            )
        return image

    def _inset(self, image: Pixels, index: int) -> Pixels:
        if index >= self.event:
            image = image.copy()
            high, wide = int(HEIGHT * (0.25 + self.size / 2)), int(WIDTH * (0.25 + self.size / 2))
            image[20 : 20 + high, WIDTH - wide - 20 : WIDTH - 20] = cv2.resize(self.extra, (wide, high))
        return image

    def _exposure(self, image: Pixels, index: int) -> Pixels:
        part = np.clip((index - self.event) / (0.6 * self.rate), 0, 1)
        return _gain(image, 1 + part * (1.2 if self.size > 0.35 else -0.6), 0)

    def _dark(self, image: Pixels, index: int) -> Pixels:
        noise = self.rng.normal(0, 2.5, image.shape)
        return np.clip(image * (0.06 + 0.3 * (self.size - 0.2)) + noise, 0, 255).astype(np.uint8)

    def _grain(self, image: Pixels, index: int) -> Pixels:
        return np.clip(image + self.rng.normal(0, 18, image.shape), 0, 255).astype(np.uint8)

    def _pillars(self, image: Pixels, index: int) -> Pixels:
        image = image.copy()
        image[:, : int(WIDTH * 0.33)] = image[:, int(WIDTH * 0.67) :] = 0
        return image


def _gain(image: Pixels, gain: float, lift: float) -> Pixels:
    return np.clip(image * np.float32(gain) + np.float32(lift), 0, 255).astype(np.uint8)
