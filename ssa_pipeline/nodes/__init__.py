"""Runs on any number of machines: how a run is handed to the engine (procrastinate), and the workers that take it.

What does not belong here: services, locks and processes of this machine (`local`), and what a run computes (`defs`).
"""
