"""This machine: services and their processes, ports, locks, disk, memory, the embedded PostgreSQL, compiled kernels.

What does not belong here: anything that must hold on another host too. Nothing is imported at package level.
"""
