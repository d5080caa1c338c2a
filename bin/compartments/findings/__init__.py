"""The five questions, answered in sentences."""

STEPS = ["write_findings"]
