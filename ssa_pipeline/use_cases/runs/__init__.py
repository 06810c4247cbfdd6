"""Dagster's runs from outside, over the webserver's GraphQL: list, launch, follow, cancel, switch automation.

What does not belong here: Dagster itself, which is slow to load.
"""
