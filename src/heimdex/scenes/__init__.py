"""Frames into scenes: `detector.py` is the interface, its siblings fill it."""
