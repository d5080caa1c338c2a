"""Droplets to cells: calling, ambient RNA, quality limits, doublets."""

STEPS = [
    "call_cells",
    "choose_ambient",
    "run_cellbender",
    "import_cellbender",
    "remove_ambient",
    "filter_cells",
    "score_doublets",
]
