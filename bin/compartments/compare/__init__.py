"""Donors are the replicates: what differs between conditions, within compartments and between them."""

STEPS = [
    "compare_composition",
    "power",
    "compare_expression",
    "score_gene_sets",
    "run_liana",
    "score_centrality",
    "compare_interactions",
    "compare_coupling",
]
