"""What starts runs by itself: sensors, schedules, freshness, alerts of failed runs.

What does not belong here: which day waits and what is due, which `chain` decides.
"""
