"""Pure numerics and rules: element sets in, encounters out. Time, files and settings come in as arguments.

What does not belong here: Dagster, a database, the environment, the clock, the network.
"""
