"""Sample quality."""

import math

import numpy as np
import pandas as pd
import pytest

from compartments.core.files import write_json, write_tsv
from compartments.report.sections import quality


@pytest.fixture(scope="module")
def blocks(gappy, named):
    return named(quality.build(gappy))


def test_a_lost_sample_leaves_a_gap_and_is_not_counted(gappy, blocks):
    figure, cells = blocks["cells"], gappy.needed("cohort/cells.tsv.gz")
    called, kept = (dict(zip(t["x"], t["y"], strict=True)) for t in figure.traces)
    assert list(called) == list(gappy.study.samples["sample"]) and len(called) == 12
    assert math.isnan(called["UN4_CSF"]) and math.isnan(kept["UN4_CSF"])
    assert {s: n for s, n in kept.items() if s != "UN4_CSF"} == cells["sample"].value_counts().to_dict()
    assert called["TR1_CSF"] == gappy.results.json("samples/TR1_CSF/TR1_CSF.calls.json")["n_cells"]
    assert figure.words.caption.endswith("Behind it: 11 samples of 6 donors.")


def test_boxes_are_of_the_cells(gappy, blocks):
    cells = gappy.needed("cohort/cells.tsv.gz")
    for column in quality.METRICS:
        (trace,) = blocks[f"quality_{column}"].traces
        medians = cells.groupby("sample")[column].median()
        assert np.allclose(trace["median"], medians[trace["x"]]) and len(trace["x"]) == 11


def test_removed_cells_are_those_of_each_limit(gappy, blocks):
    limits = gappy.codes.told(gappy.results.limits()).set_index(["sample", "metric"])["n_removed"]
    for trace in blocks["removed"].traces:
        assert all(limits[x, trace["name"]] == y for x, y in zip(trace["x"], trace["y"], strict=True))
    assert len(blocks["removed"].traces) == 3 and len(blocks["limits"].frame) == len(limits) == 33


def test_rank_curves_have_a_line_for_each_sample(blocks):
    lines = blocks["rank_curves"].traces
    assert len(lines) == 11 and lines[0]["x"] == [1, 10, 100, 1000, 10000] and lines[0]["y"][0] == 20000


def test_samples_of_one_remark_share_a_line(bare):
    for sample in ("TR1_CSF", "TR2_CSF"):
        folder = bare.results.root / "samples" / sample
        folder.mkdir(parents=True)
        write_json({"sample": sample, "notes": "read as text"}, folder / f"{sample}.read.json")
    assert [block.text for block in quality.build(bare)] == ["TR1_CSF, TR2_CSF: read as text."]


def test_nothing_without_summaries(bare):
    assert quality.build(bare) == []


READS = {"sample": "", "compartment": "", "chemistry": "3' v3", "strand": "Forward", "reads": 9000, "reads_used": 9000}
READS |= {"valid_barcodes": 1.0, "mapped": 0.9, "in_genes": 0.8, "saturation": 0.5, "q30_barcode": 0.9, "q30_rna": 0.9}
READS |= {"counter": "starsolo", "umis": 5, "share_exonic": 0.7}


def test_reads_have_a_table_and_a_warning_where_compartments_differ(bare):
    rows = [
        READS | {"sample": name, "compartment": compartment, "saturation": saturation}
        for name, compartment, saturation in (("a", "CSF", 0.8), ("b", "blood", 0.3))
    ]
    (bare.results.root / "cohort").mkdir(parents=True, exist_ok=True)
    write_tsv(pd.DataFrame(rows), bare.results.root / "cohort" / "reads.tsv")
    warning, table = quality.build(bare)
    assert warning.text.startswith("Reads: saturation is 0.80 in CSF and 0.30 in blood (medians of 1 and 1 samples)")
    assert table.name == "reads" and list(table.frame["sample"]) == ["a", "b"]


def test_reads_per_cell_are_those_of_the_cells_called(bare):
    names = {"a": ("CSF", 2), "b": ("blood", 9), "c": ("blood", None)}
    rows = [READS | {"sample": name, "compartment": compartment} for name, (compartment, _n) in names.items()]
    (bare.results.root / "cohort").mkdir(parents=True, exist_ok=True)
    write_tsv(pd.DataFrame(rows), bare.results.root / "cohort" / "reads.tsv")
    for name, (_compartment, n_cells) in names.items():
        if n_cells:
            folder = bare.results.root / "samples" / name
            folder.mkdir(parents=True)
            write_json({"sample": name, "n_cells": n_cells}, folder / f"{name}.calls.json")
    blocks = {getattr(block, "name", ""): block for block in quality.build(bare)}
    found = blocks["reads"].frame.set_index("sample")["reads_per_cell"]
    assert found["a"] == 4500 and found["b"] == 1000 and pd.isna(found["c"])
    warned = [block.text for block in quality.build(bare) if hasattr(block, "text")]
    assert any("reads_per_cell is 4,500 in CSF and 1,000 in blood (medians" in text for text in warned)
