"""The chain, one module per link: read, call one pure function, return with metadata."""
