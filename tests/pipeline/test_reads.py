"""From FASTQ to the report: what comes out is what the counts give from which the reads were made."""

import pandas as pd
import pytest

from tests.support.runs import nextflow

pytestmark = [pytest.mark.pipeline, pytest.mark.long]
SMALL = "--untreated 2 --genes 1500 --umi 1200 --soup_umi 30 --empties 1500 --cells_per_sample CSF=150 "
SMALL += "--cells_per_sample blood=200"


@pytest.fixture(scope="module")
def runs(project, tmp_path_factory):
    """The same cohort as counts and as reads."""
    folder = tmp_path_factory.mktemp("reads")
    for name, preset in (("counts", "one_condition"), ("reads", "reads")):
        options = ("--simulate", preset, f"--simulate_options={SMALL}", "--n_perms", "100", "--outdir", name)
        done = nextflow(project, folder, "-profile", "local", *options)
        assert done.code == 0, done.text[-4000:]
    return folder


def table(runs, name, place):
    return pd.read_csv(runs / name / place, sep="\t")


def test_cells_and_labels_agree(runs):
    counts, reads = (table(runs, name, "cohort/cells.tsv.gz") for name in ("counts", "reads"))
    became = table(runs, "reads", "simulated/truth/barcodes.tsv")
    counts = counts.merge(became, on=["sample", "barcode"])
    both = counts.merge(
        reads, left_on=["sample", "barcode_of_reads"], right_on=["sample", "barcode"], suffixes=("", "_r")
    )
    assert len(both) >= 0.99 * max(len(counts), len(reads))
    assert (both["lineage"] == both["lineage_r"]).mean() >= 0.99


def test_every_call_is_the_same(runs):
    keys = ["level", "lineage", "contrast", "term", "compartment"]
    counts, reads = (
        table(runs, name, "composition/effects.tsv").set_index(keys)["call"] for name in ("counts", "reads")
    )
    assert counts.fillna("").equals(reads.fillna("").reindex(counts.index))


def test_reads_of_all_samples_are_side_by_side(runs):
    found = table(runs, "reads", "cohort/reads.tsv")
    assert len(found) == 4 and (found["chemistry"] == "3' v3").all()
    assert found["saturation"].between(0.4, 0.6).all()
    assert (runs / "reads" / "report.html").exists()
    assert not [path for path in (runs / "reads").iterdir() if (path / "SA").exists()], "the index is no result"
