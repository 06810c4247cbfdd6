"""What was received: bytes as they came, tables of objects, when providers were asked, what the gate said of a release.

What does not belong here: what was computed from it (`slices`).
"""
