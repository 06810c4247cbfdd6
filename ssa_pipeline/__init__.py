"""SSA Conjunction Analysis Engine: which objects in orbit will come close, when, and how close."""

__version__ = "0.1.0"
