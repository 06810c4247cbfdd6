"""How a step reads, computes, writes and reports one slice after the other, and how the UI shows it.

What does not belong here: what is computed (`assets`) and how it is stored (`storage.slices`).
"""
