"""Replaceable slices: the fence, the log of versions, and one codec per link of the chain.

What does not belong here: which slices must be computed (`chain.plan`).
"""
