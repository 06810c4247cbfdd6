"""The three screening links and the whole engine in one call: ephemeris, candidates, events.

What does not belong here: which sets are screened (`catalog`) and who is reported to whom (`volumes`).
"""
