"""Bytes to records and back: TLE, OMM in every form, SATCAT, decay and TIP tables, plain or packed.

What does not belong here: where bytes come from (`sources`) and which records are used (`core.catalog`).
"""
