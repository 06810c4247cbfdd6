"""Which element set of an object is used on a day, and what is said of it: faults, jumps, aliases, segments.

What does not belong here: how sets are read (`messages`) or kept (`storage`), and what becomes of them (`screening`).
"""
