"""Answers for people and sensors: one or a few statements a question, read only.

What does not belong here: writing.
"""
