"""Loading a model is silent in all these tests."""

from tests.silence import silence

__all__ = ["silence"]
