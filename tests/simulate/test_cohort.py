"""A cohort: its samplesheet is one, and its truth is in the cells."""

import numpy as np
import pandas as pd
import pytest

from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet


def test_samplesheet_is_accepted(cohort):
    sheet = parse_samplesheet((cohort / "samplesheet.csv").read_text())
    study = make_study(sheet)
    assert study.reference_compartment == "blood" and study.absolute
    assert study.contrasts[["condition", "reference"]].values.tolist() == [["alemtuzumab", "untreated"]]
    assert (sheet["simulated"] == "true").all() and (sheet["filtered"] == "").all()
    assert len(sheet) == 12 and all((cohort / path).is_file() for path in sheet["raw"])


def test_planted_effects_are_in_the_cells(cohort):
    """Migration genes up in treated CSF, in lineages that migrate; not in blood."""
    import anndata

    planted = pd.read_csv(cohort / "truth" / "migration_genes.tsv", sep="\t")
    samples = pd.read_csv(cohort / "truth" / "samples.tsv", sep="\t")
    assert set(planted["compartment"]) == {"CSF"}
    rows = []
    for row in samples.itertuples():
        truth = anndata.read_h5ad(cohort / "truth" / f"{row.sample}.h5ad")
        genes = truth.var_names.isin(planted["gene"])
        counts = truth.layers["native"][(truth.obs["lineage"] == "CD4_T").to_numpy()]
        rows.append((row.compartment, row.condition, counts[:, genes].sum() / counts.sum()))
    share = (
        pd.DataFrame(rows, columns=["compartment", "condition", "share"])
        .groupby(["compartment", "condition"])["share"]
        .mean()
    )
    assert np.log2(share["CSF", "alemtuzumab"] / share["CSF", "untreated"]) == pytest.approx(0.9, abs=0.4)
    assert abs(np.log2(share["blood", "alemtuzumab"] / share["blood", "untreated"])) < 0.4
