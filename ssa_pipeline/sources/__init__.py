"""Where catalogues come from: the network or a folder in, bytes out. Nothing here knows Dagster or a database; what
must outlive a process (when a query was last made) is kept through ``state.FetchState``."""
