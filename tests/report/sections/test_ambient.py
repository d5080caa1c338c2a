"""What the report says about ambient RNA."""

import pandas as pd

from compartments.core.files import write_json, write_tsv
from compartments.core.vocabulary import MIN_AMBIENT_COUNTS
from compartments.report.page import Page
from compartments.report.results import Results
from compartments.report.sections import ambient, quality
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support import results as synthetic_results


def test_report_says_what_was_not_removed_and_shows_leaks_and_curves(tmp_path):
    folder = tmp_path / "samples" / "s1"
    folder.mkdir(parents=True)
    reason = "s2 has only called cells, and one method must serve all samples"
    leak = {"leak_LYZ_in_T_before": 0.5, "leak_LYZ_in_T_after": 0.1, "leak_LYZ_in_T_cells": 40}
    none = {"leak_IGKC_in_T_before": None, "leak_IGKC_in_T_after": None, "leak_IGKC_in_T_cells": 2}
    write_json(
        {"sample": "s1", "method": "none", "reason": reason, "traumatic_tap": None} | leak | none,
        folder / "s1.ambient.json",
    )
    curve = {f"{part}_{what}": [1, 2, 3] for part in ("train", "test") for what in ("epoch", "elbo")}
    summary = {"sample": "s1", "succeeded": True, "warnings": "not converged", "n_attempts": 2, "reason": None}
    write_json(summary | curve, folder / "s1.cellbender.json")
    write_json({"sample": "s1", "n_cells": 30, "few_cells": True, "warning": None}, folder / "s1.calls.json")
    write_json({"sample": "s1", "notes": "gene expression only: left out were 20 Peaks"}, folder / "s1.read.json")
    (tmp_path / "study.json").write_text("")
    sheet = "sample,donor,compartment,condition,raw\ns1,d1,P,x,a.h5\ns2,d1,Q,x,b.h5\ns3,d2,P,y,a.h5\ns4,d2,Q,y,b.h5\n"
    make_study(parse_samplesheet(sheet), reference_compartment="Q", reference_condition="y").save(
        tmp_path / "study.json"
    )
    page = Page(Results(tmp_path))
    blocks = {getattr(block, "name", block.kind + str(i)): block for i, block in enumerate(ambient.build(page))}
    said = " ".join(block.text for block in blocks.values() if block.kind == "text")
    assert f"Ambient RNA was not removed in s1: {reason}." in said and "CellBender, s1: not converged." in said
    assert blocks["leaks"].frame[["gene", "cells", "before", "after"]].to_numpy().tolist() == [["LYZ", "T", 50.0, 10.0]]
    assert len(blocks["cellbender"].traces) == 2 and not any(
        c.startswith("leak_") for c in blocks["ambient_table"].frame
    )
    said = " ".join(block.text for block in quality.build(page) if block.kind == "text")
    assert "s1: gene expression only: left out were 20 Peaks." in said and "s1: 30 cells: too few" in said


def test_the_cut_of_the_most_ambient_genes_is_said(tmp_path):
    synthetic_results.make(tmp_path / "r", cells=5)
    groups = [(lineage, place) for lineage in ("B", "T") for place in ("blood", "CSF")]
    genes = [f"G{i}" for i in range(ambient.MOST_AMBIENT + 3)]
    rows = [("treated", place, lineage, gene, 40, 20, 0.5) for lineage, place in groups for gene in genes]
    columns = ["condition", "compartment", "lineage", "gene", "counts", "ambient_counts", "share"]
    write_tsv(pd.DataFrame(rows, columns=columns), tmp_path / "r" / ambient.SHARES)
    table = next(b for b in ambient.build(Page(Results(tmp_path / "r"))) if getattr(b, "name", "") == "ambient_share")
    assert table.frame.groupby(["lineage", "compartment"]).size().eq(ambient.MOST_AMBIENT).all()
    assert f"at least {MIN_AMBIENT_COUNTS} counts" in table.note
    assert "of each lineage, compartment and condition: 40 of 52 rows." in table.note
