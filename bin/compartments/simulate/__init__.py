"""Cohorts with known truth. Beside the street: nothing of the analysis uses it."""
