"""A model's files: where they lie, whether they are sound, and what its graphs say of themselves."""

from __future__ import annotations

import hashlib
from pathlib import Path, PurePosixPath

from heimdex.encoders.row import WEIGHTS_FOLDER, Activation, LoadOptions, ModelRow
from heimdex.errors import ModelError, ModelUnavailable
from heimdex.inference.graphs import GraphFacts, read_graph
from heimdex.inference.weights import VerifiedFile, open_weights

ALIKE: tuple[frozenset[str], ...] = (frozenset({"gelu", "gelu_tanh"}),)
"""Activations that give the same vectors but for rounding (docs/decisions/0020-activation-guard.md)."""


def folder(row: ModelRow, options: LoadOptions) -> Path:
    """Where a model's files lie, or would lie. Raises ModelUnavailable where no folder was named for them."""
    if options.weights_dir is not None:
        return options.weights_dir
    if row.packaged:
        return WEIGHTS_FOLDER
    if options.models_dir is None:
        raise ModelUnavailable(f"The model {row.name} is not installed: no folder for models was named.")
    return options.models_dir / row.name


class ModelFiles:
    """The files of one model. Every one is checked against the manifest before it is read."""

    def __init__(self, row: ModelRow, options: LoadOptions) -> None:
        self.row = row
        self.options = options
        self.folder = folder(row, options)

    def cache(self, name: str) -> Path | None:
        """A folder for what can be made again; None where nothing is kept."""
        return self.options.cache_dir / name if self.options.cache_dir else None

    def open(self, name: str | None) -> VerifiedFile:
        """A file by its name in the row. Raises as `weights.open_weights` does."""
        if name is None:
            raise ModelUnavailable(f"The model {self.row.name} has no file for this.")
        return open_weights(self.folder, name, self.cache("verified"))

    def graph(self, name: str | None) -> VerifiedFile:
        """A graph with the files its weights lie in; its checksum is one over all of them."""
        main = self.open(name)
        beside = self.beside(str(name))[1:]
        if not beside:
            return main
        checksums = [main.sha256, *(self.open(other).sha256 for other in sorted(beside))]
        return VerifiedFile(path=main.path, sha256=hashlib.sha256("".join(checksums).encode()).hexdigest())

    def beside(self, name: str) -> list[str]:
        """A graph's name, and those of the files its weights lie in."""
        return [name, *(other for other in self.row.files if _holds_weights(other, name))]

    def facts(self, name: str | None) -> GraphFacts:
        """What a graph says of itself.

        Raises ModelError where its layers compute another activation than the weights were trained with.
        """
        facts = read_graph(self.graph(name), self.cache("graphs"))
        check_activation(self.row, str(name), facts)
        return facts


def _holds_weights(other: str, graph: str) -> bool:
    """Whether a file is no graph of its own but lies beside one and holds weights of it.

    `model.onnx_data` beside `model.onnx`, `model.bin` beside `model.xml`, and what exporters cut out by the
    tensor's name (`Constant_7_attr__value`), which has no ending.
    """
    one, two = PurePosixPath(other), PurePosixPath(graph)
    if one.parent != two.parent or one == two:
        return False
    return one.name.startswith(two.name) or (one.stem == two.stem and one.suffix == ".bin") or not one.suffix


def check_activation(row: ModelRow, name: str, facts: GraphFacts) -> None:
    """The activation guard: a graph that computes another one than its weights want gives wrong vectors.

    Such vectors look right: they are finite, of norm 1, and find something. Raises ModelError naming both.
    """
    if row.activation is None or not facts.activations:
        if row.activation is not None:
            raise ModelError(
                f"{name} of {row.name} ({row.pretrained}) should compute {row.activation}, and none of the "
                "known activations was found in it. Fetch the model again with `heimdex models pull`."
            )
        return
    wrong = [found for found in facts.activations if not _agree(row.activation, found)]
    if wrong:
        raise ModelError(
            f"{name} computes {wrong[0]}, but the weights {row.pretrained} of {row.name} were trained with "
            f"{row.activation}: its vectors would be wrong. Fetch or export the model again."
        )


def _agree(wanted: Activation, found: str) -> bool:
    return wanted == found or any({wanted, found} <= alike for alike in ALIKE)
