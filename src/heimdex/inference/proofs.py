"""Proofs of models that come without one: what a graph gives in the plainest way it can be run here."""

from __future__ import annotations

import hashlib
import io
import logging
import os
import tempfile
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from heimdex.errors import ModelError
from heimdex.inference.openvino_session import OpenVinoSession
from heimdex.inference.session import PROOF_COSINE, Array, Proof, SessionOptions
from heimdex.inference.weights import VerifiedFile

log = logging.getLogger(__name__)


def prove(
    weights: VerifiedFile, inputs: Mapping[str, Array], options: SessionOptions, folder: Path | None
) -> Proof:
    """The outputs of one item in fp32, batch 1, one request: the measure for every other way to run it.

    Made when a model is first opened, by two graphs compiled one after the other, which must agree (OpenVINO
    was seen to compute garbage for the life of one load, docs/decisions/0010-openvino.md); kept in `folder`
    under the weights' checksum, so that a later OpenVINO is measured by it too. Each of `inputs` has a first
    dimension of 1. Raises ModelError where the two differ, or give nothing that can be compared.
    """
    path = folder / f"{_key(weights, inputs, options)}.npz" if folder else None
    known = _read(path) if path else None
    if known is None:
        known, again = (_run(weights, inputs, options) for _ in range(2))
        for name, values in known.items():
            if not np.isfinite(values).all() or not _agree(values, again[name]):
                raise ModelError(
                    f"{weights.path.name} computes other values each time it is loaded here. Try another "
                    "version of OpenVINO, and run `heimdex models verify`."
                )
        if path is not None:
            _write(path, known)
    return Proof(inputs=inputs, outputs=known)


def _run(weights: VerifiedFile, inputs: Mapping[str, Array], options: SessionOptions) -> dict[str, Array]:
    plain = replace(options, precision="fp32", requests=1, batches=(1,), cache_dir=None)
    with OpenVinoSession(weights, plain) as session:
        return session.run(inputs)


def _agree(one: Array, two: Array) -> bool:
    one, two = one.astype(np.float64).ravel(), two.astype(np.float64).ravel()
    return bool(one @ two >= PROOF_COSINE * np.linalg.norm(one) * np.linalg.norm(two) > 0)


def _key(weights: VerifiedFile, inputs: Mapping[str, Array], options: SessionOptions) -> str:
    digest = hashlib.sha256(weights.sha256.encode())
    digest.update(repr((options.outputs, sorted(options.sizes.items()))).encode())
    for name in sorted(inputs):
        digest.update(name.encode() + np.ascontiguousarray(inputs[name]).tobytes())
    return digest.hexdigest()


def _read(path: Path) -> dict[str, Array] | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as kept:
            return {name: kept[name] for name in kept.files}
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile):
        log.warning("The proof %s is damaged and will be made again.", path)
        return None


def _write(path: Path, outputs: Mapping[str, Array]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=".part")
        with os.fdopen(handle, "wb") as target:
            np.savez(target, **outputs)  # type: ignore[arg-type]  # its stub takes the names for options
        Path(temporary).replace(path)
    except OSError as err:
        log.info("The proof is not kept: %s", err)
