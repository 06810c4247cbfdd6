"""All that is Dagster: assets, checks, jobs, sensors, schedules, resources, partitions. `definitions` assembles it.

What does not belong here: rules (`chain`), SQL (`storage`), and what others need too (`use_cases`).
"""
