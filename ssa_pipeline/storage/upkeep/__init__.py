"""What keeps a database in order over years: retention, thinning, old runs, alerts until they are sent.

What does not belong here: when it is done (`defs.housekeeping`).
"""
