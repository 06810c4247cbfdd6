"""What is compiled by numba: SGP4, the sieve, the searches for minima. Scalars and arrays in, arrays out.

What does not belong here: records, names, text. Only the modules of `core` above call it.
"""
