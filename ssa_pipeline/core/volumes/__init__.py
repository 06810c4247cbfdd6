"""Screening volumes: what is reported around whom, and the published ones by orbit.

What does not belong here: how encounters are found (`screening`).
"""
