"""Tables and views: their contract, declared once, the migrations that make them, partitions and sizes.

What does not belong here: rows.
"""
