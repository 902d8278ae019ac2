"""HDR pictures become sane SDR: PQ and HLG light → BT.709 colours → a shoulder → sRGB.

Sources: ITU-R BT.2100-2 (tables 4 and 5: PQ and HLG transfer, HLG system gamma), BT.2408-7 (reference white
at 203 cd/m²), BT.2087-0 (BT.2020 → BT.709 matrix), IEC 61966-2-1 (sRGB).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from heimdex.entities import Picture

WHITE_NITS = 203.0  # diffuse white of HDR programmes
PQ_PEAK_NITS = 10_000.0
HLG_PEAK_NITS = 1_000.0
HLG_GAMMA = 1.2
KNEE = 0.75  # of SDR white; light below stays linear, light above is rolled off
PEAK = 5.0  # of diffuse white; about 1,000 cd/m², shown as full white

BT2020_LUMA = np.array([0.2627, 0.6780, 0.0593], np.float32)
BT2020_TO_BT709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def to_sdr(signal: NDArray[np.uint16], transfer: str) -> Picture:
    """Full-range R'G'B' of 16 bits, shape (height, width, 3), BT.2020, "pq" or "hlg" → sRGB uint8."""
    light = _pq(signal) if transfer == "pq" else _hlg(signal)
    colours = _rolled_off(light) @ BT2020_TO_BT709.T
    return _srgb(np.clip(colours, 0.0, 1.0))


def _table(curve: NDArray[np.float64], signal: NDArray[np.uint16]) -> NDArray[np.float32]:
    return np.asarray(curve.astype(np.float32)[signal])


def _pq(signal: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Light relative to diffuse white."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    root = np.linspace(0.0, 1.0, 1 << 16) ** (1 / m2)
    curve = (np.maximum(root - c1, 0.0) / (c2 - c3 * root)) ** (1 / m1)
    return _table(curve * (PQ_PEAK_NITS / WHITE_NITS), signal)


def _hlg(signal: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Light relative to diffuse white, shown on a display of 1,000 cd/m²."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    value = np.linspace(0.0, 1.0, 1 << 16)
    curve = np.where(value <= 0.5, value**2 / 3, (np.exp((value - c) / a) + b) / 12)
    scene = _table(curve, signal)
    luma = np.maximum(scene @ BT2020_LUMA, np.float32(1e-6))
    return np.asarray(
        scene * (luma ** np.float32(HLG_GAMMA - 1))[..., None] * np.float32(HLG_PEAK_NITS / WHITE_NITS)
    )


def _rolled_off(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Compresses the brightest channel with a rational shoulder and scales all three alike: hues stay.

    Linear up to the knee k; above, y = k + (1 - k)·s·(1 + s/p²)/(1 + s) with s = (x - k)/(1 - k) (the
    extended curve of Reinhard et al. 2002), so that x = PEAK gives 1 and the slope at the knee is 1.
    """
    brightest = light.max(axis=-1, keepdims=True)
    step = (np.minimum(brightest, PEAK) - KNEE) / (1 - KNEE)
    top = (PEAK - KNEE) / (1 - KNEE)
    shoulder = KNEE + (1 - KNEE) * step * (1 + step / top**2) / (1 + np.maximum(step, 0.0))
    wanted = np.where(brightest > KNEE, shoulder, brightest)
    return np.asarray(light * (wanted / np.maximum(brightest, 1e-6)), dtype=np.float32)


def _srgb(light: NDArray[np.float32]) -> Picture:
    curve = np.linspace(0.0, 1.0, 4097)
    encoded = np.where(curve <= 0.0031308, curve * 12.92, 1.055 * curve ** (1 / 2.4) - 0.055)
    return np.rint(np.interp(light, curve, encoded) * 255).astype(np.uint8)
