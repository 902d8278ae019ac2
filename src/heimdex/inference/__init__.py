"""The engine: sessions that run weights, and the arrays that go in. It knows no task."""
