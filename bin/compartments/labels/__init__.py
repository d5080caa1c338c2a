"""Cells to lineages: models, markers, overrides."""

STEPS = ["check_labels", "annotate_cells", "train_model"]
