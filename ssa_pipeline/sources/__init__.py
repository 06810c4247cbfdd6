"""Where catalogues come from: the network or a folder in, bytes out. What must outlive a process (when a query was
last made) is kept through ``state.FetchState``.

What does not belong here: Dagster, a database.
"""
