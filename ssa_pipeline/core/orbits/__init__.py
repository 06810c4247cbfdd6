"""What follows from one element set: its mean orbit, its states by SGP4, where a state lies above the Earth.

What does not belong here: choices between sets (`catalog`) and pairs of objects (`screening`).
"""
