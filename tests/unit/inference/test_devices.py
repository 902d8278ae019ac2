from __future__ import annotations

import pytest

from heimdex.errors import ModelUnavailable
from heimdex.inference import devices


@pytest.fixture
def lack(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str | None:
    monkeypatch.setattr(devices, "cuda_lack", lambda: request.param)
    given: str | None = request.param
    return given


@pytest.mark.parametrize("lack", [None], indirect=True)
@pytest.mark.parametrize(("asked", "found"), [("auto", "cuda"), ("cuda", "cuda"), ("cpu", "cpu")])
def test_a_card_is_used_where_there_is_one_unless_the_cpu_is_asked_for(
    lack: None, asked: str, found: str
) -> None:
    assert devices.choose(asked) == found


@pytest.mark.parametrize("lack", ["torch is not installed"], indirect=True)
def test_without_a_card_auto_is_the_cpu_and_cuda_an_error_that_says_why(lack: str) -> None:
    assert devices.choose("auto") == "cpu"
    with pytest.raises(ModelUnavailable, match="torch is not installed"):
        devices.choose("cuda")


def test_an_unknown_device_is_refused() -> None:
    with pytest.raises(ModelUnavailable, match="'tpu'"):
        devices.choose("tpu")


def test_what_is_missing_for_cuda_comes_with_its_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    devices.cuda_lack.cache_clear()
    try:
        assert "pip install 'heimdex[torch]'" in (devices.cuda_lack() or "")
    finally:
        devices.cuda_lack.cache_clear()


def test_torch_without_a_driver_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setattr("importlib.metadata.version", lambda _: "2.13.0+cu130")
    monkeypatch.setattr(devices, "CUDA_LIBRARY", "libno-such-driver.so")
    devices.cuda_lack.cache_clear()
    try:
        assert "nvidia-smi" in (devices.cuda_lack() or "")
    finally:
        devices.cuda_lack.cache_clear()
