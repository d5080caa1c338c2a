"""Simulated human cells with the genes of mice: how many keep the lineage that they have as human cells.

python -m benchmarks.mice
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from compartments.core.species import HUMAN, MOUSE
from compartments.counts.reading import read_counts
from compartments.labels.annotation import annotate
from compartments.labels.genes import of_species
from compartments.labels.lineages import read_lineage_map
from compartments.labels.markers import read_markers
from compartments.labels.model import load_model
from tests.support.mice import cohort_of_mice
from tests.support.runs import ROOT, step

COHORT = ("--treated", "1", "--untreated", "1", "--scale", "0.5", "--genes", "3000", "--empties", "300")


def rows(folder: Path) -> Iterator[dict[str, object]]:
    """A row per sample and model: one of the human reference, converted, and one of the renamed reference."""
    human = folder / "human"
    subprocess.run(step("simulate_cohort", "--outdir", human, *COHORT), check=True, stdout=sys.stderr)
    mouse = cohort_of_mice(human, folder / "mouse")
    for one in (human, mouse):
        given = ("--label_reference", one / "reference.h5ad", "--label_reference_column", "lineage")
        subprocess.run(step("train_model", *given, "--out", one / "own.pkl"), check=True, stdout=sys.stderr)
    lineage_map = read_lineage_map(ROOT / "assets" / "celltypist_immune_all_low_lineage.tsv")
    tables = {
        one: (lineage_map, read_markers(ROOT / "assets" / "markers.tsv", lineage_map, one)) for one in (HUMAN, MOUSE)
    }
    models = {"converted": load_model(human / "own.pkl"), "of mice": load_model(mouse / "own.pkl")}
    for path in sorted(human.glob("D*/filtered*.h5")):
        sample, same = path.parent.name, read_counts(path)
        compartment = sample.split("_")[1]
        known, _ = annotate(same.matrix, same.symbol, same.gene_id, [models["converted"]], *tables[HUMAN], compartment)
        cells = read_counts(mouse / path.relative_to(human))
        for name, model in models.items():
            used = of_species(model, MOUSE, cells.symbol)
            found, _ = annotate(cells.matrix, cells.symbol, cells.gene_id, [used], *tables[MOUSE], compartment)
            yield {
                "sample": sample,
                "model": name,
                "genes kept": used.kept,
                "cells": len(known),
                "same lineage": (known["lineage"] == found["lineage"]).mean(),
                "same broad lineage": (known["lineage_broad"] == found["lineage_broad"]).mean(),
            }


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        print(pd.DataFrame(list(rows(Path(place)))).to_string(index=False, float_format="%.3f"))
