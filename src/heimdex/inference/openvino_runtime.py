"""OpenVINO itself: imported late and quietly, one core for the process, and what processor it found."""

from __future__ import annotations

import hashlib
import platform
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from heimdex.errors import ModelUnavailable

CPU_FACTS = Path("/proc/cpuinfo")

_lock = threading.Lock()
_core: Any = None


def openvino() -> Any:
    """The OpenVINO module, imported on first use and without its conversion tools.

    Importing those (openvino.tools.ovc) sends an event to Intel's telemetry; the package does without them
    where they cannot be imported. Raises ModelUnavailable where OpenVINO is not installed.
    """
    with _lock:
        if "openvino" in sys.modules:
            return sys.modules["openvino"]
        tools = "openvino.tools.ovc"
        sys.modules[tools] = None  # type: ignore[assignment]  # documented: makes its import fail
        try:
            import openvino as module
        except ImportError as err:
            raise ModelUnavailable(f"OpenVINO cannot be loaded ({err}). Reinstall Heimdex.") from err
        finally:
            del sys.modules[tools]
        return module


def core() -> Any:
    """The one OpenVINO runtime of this process."""
    global _core  # noqa: PLW0603  # loading its plug-ins twice costs memory and time
    module = openvino()
    with _lock:
        if _core is None:
            _core = module.Core()
        return _core


def read(path: Path, outputs: Sequence[str] = ()) -> Any:
    """A graph as OpenVINO's model, ending in these tensors where any are named.

    Raises RuntimeError where it cannot be read or has no such tensor.
    """
    model = core().read_model(str(path))
    if not outputs:
        return model
    named = {name: port for node in model.get_ops() for port in node.outputs() for name in port.get_names()}
    missing = [name for name in outputs if name not in named]
    if missing:
        raise RuntimeError(f"it has no tensor {missing[0]}")
    return openvino().Model([named[name] for name in outputs], model.get_parameters(), model.get_name())


def name_of(port: Any) -> str:
    """A port's name. An input may have several, where the graph hands it on unchanged: its own is wanted."""
    node = port.get_node()
    own = node.get_type_name() == "Parameter" and node.get_friendly_name()
    return str(own if own in port.get_names() else port.get_any_name())


def has_bf16() -> bool:
    """Whether this processor computes in bf16."""
    return "BF16" in core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def processor() -> str:
    """A digest of what compiled graphs depend on besides weights: OpenVINO, and the processor's abilities."""
    flags = ""
    if CPU_FACTS.exists():  # Linux only; elsewhere OpenVINO's own words must do
        lines = CPU_FACTS.read_text(errors="replace").splitlines()
        flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    abilities = [
        core().get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
    ]
    facts = [openvino().get_version(), platform.system(), platform.machine(), *map(str, abilities), flags]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()
