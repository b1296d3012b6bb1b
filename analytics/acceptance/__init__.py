"""Acceptance: from measurements of two sides to a verdict, with what the verdict rests on.

Pure functions; a campaign, a package's verification and a report call the same `judge`.
"""

from analytics.acceptance.finding import ClauseFinding, Finding, Mix, Side, Verdict
from analytics.acceptance.judge import VERSION, judge
from analytics.acceptance.verdicts import conclude

__all__ = ["VERSION", "ClauseFinding", "Finding", "Mix", "Side", "Verdict", "conclude", "judge"]
