"""What the command line, jobs and an API share: take in, fetch, compute a day, judge freshness, raise alerts, report,
and find the object that somebody means.

What does not belong here: options and printing (`cli`), Dagster (`defs`), this machine (`local`).
"""
