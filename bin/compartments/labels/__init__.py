"""Cells to lineages: models, markers, overrides."""
