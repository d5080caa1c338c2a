"""One page made from tables alone."""

STEPS = ["collect_skipped", "make_report"]
