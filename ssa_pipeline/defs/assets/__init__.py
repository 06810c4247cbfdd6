"""The chain, one module per link: read, call one pure function, return with what people see. ``ls`` is the pipeline.

What does not belong here: how slices are read, written and reported (`defs.slices`), checks, anything pure (`core`).
"""
