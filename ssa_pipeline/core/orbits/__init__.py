"""What follows from one element set: its mean orbit, its states by SGP4, where these lie above ground, their RTN axes.

What does not belong here: choices between sets (`catalog`) and pairs of objects (`screening`).
"""
