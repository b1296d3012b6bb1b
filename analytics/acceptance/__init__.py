"""Acceptance: from measurements of two sides to a verdict, with what the verdict rests on.

Pure functions; a campaign, a package's verification and a report call the same `judge`.
"""
