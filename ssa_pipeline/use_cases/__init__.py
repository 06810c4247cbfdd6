"""What the command line, jobs and an API share: fetch, receive, judge freshness, raise alerts, report.

What does not belong here: options and printing (`cli`), Dagster (`defs`), this machine (`local`).
"""
