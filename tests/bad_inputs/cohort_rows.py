"""Samples and cohorts that steps after the first find odd: few cells, pools, columns and references that differ."""

from functools import cache
from pathlib import Path

import anndata
import h5py
import numpy as np
import scipy.sparse as sp

from compartments.core.files import read_json, read_tsv
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.bad_inputs.record import Row, call, one_line
from tests.support.cells import two_types
from tests.support.droplets import make_sample
from tests.support.samples import N_GENES, arguments_of, cells_of, make_study_of, write_sample

FEW, POOLS, OWN, REFERENCES = (
    "hardly any cells", "cells that nobody called", "columns named like the pipeline's", "references that differ"
)  # fmt: skip
TABLES = ("composition/counts.tsv", "cohort/doublets.tsv", "cohort/depth.tsv", "cohort/warnings.tsv")
TABLES += ("cohort/pseudobulk.h5ad",)  # which repeats the comparisons


def scored(name, counts, most=0.2):
    """A row through SCORE_DOUBLETS: a score or none for every cell, at most that share called."""

    def make(folder):
        matrix = sp.csr_matrix(counts()).astype(np.int32)
        data = anndata.AnnData(shape=matrix.shape, layers={"counts": matrix}, uns={"sample": "s1"})
        data.write_h5ad(folder / "s1.filtered.h5ad")
        return matrix.shape[0]

    return Row(name, FEW, make, check_scored, {"most": most, "exit": 0, "stage": "score_doublets"})


def check_scored(row: Row, made: int, folder: Path) -> None:
    done = call("score_doublets", "--filtered", "s1.filtered.h5ad", folder=folder)
    assert not done.fell, done.fell
    assert done.code == row.expect["exit"], done.said
    table = read_tsv(folder / "samples/s1/s1.doublets.tsv.gz")
    assert len(table) == made
    assert table["predicted_doublet"].astype(str).eq("True").sum() <= row.expect["most"] * made


@cache
def droplets():
    return make_sample(n_cells=120, n_empty=800)


def pooled(name, share):
    """A row through CALL_CELLS and REMOVE_AMBIENT: of the cells in the droplets so many are told, the others not."""
    return Row(name, POOLS, lambda folder: share, check_pool, {"exit": 0, "stage": "remove_ambient"})


def contamination(share: float, folder: Path) -> float:
    """Share of the counts of the told cells that is taken for soup."""
    data, calls, *_ = droplets()
    told = np.random.default_rng(3).permutation(120)[: int(share * 120)]
    data = data.copy()
    data.obs["is_cell"] = np.isin(np.arange(data.n_obs), told)
    data.uns = {"sample": "s1", "kind": "raw", "cell_source": "filtered", "chemistry": "", "count_warnings": ""}
    data.write_h5ad(folder / "s1.droplets.h5ad")
    steps = [("call_cells", "--droplets", "s1.droplets.h5ad")]
    calls = next(iter(folder.rglob("s1.calls.tsv.gz")), folder / "samples/s1/s1.calls.tsv.gz")
    steps.append(("remove_ambient", "--droplets", "s1.droplets.h5ad", "--calls", calls))
    for step, *given in steps:
        done = call(step, *given, folder=folder)
        assert not done.fell, done.fell
        assert done.code == 0, done.said
    summary = read_json(folder / "samples/s1/s1.ambient.json")
    return float(summary["fraction_removed"])


def check_pool(row: Row, made: float, folder: Path) -> None:
    *_, own, noise, _ = droplets()
    true = noise.sum() / (noise.sum() + own.sum())
    # what is not told as a cell is no empty droplet: half or double of the truth would be another soup
    assert 0.5 * true < contamination(made, folder) < 1.5 * true


def sheet_of(study):
    return study.samples.drop(columns=["row", "raw", "cellbender", "fastq_1", "fastq_2"], errors="ignore")


@cache
def written(base):
    """Samples of eight, once."""
    folder = base / "cohort_of_eight"
    folder.mkdir()
    study, rng = make_study_of(), np.random.default_rng(0)
    for one in study.samples.itertuples():
        write_sample(folder, one.sample, rng, n=40, donor=int(one.donor[1:]))
    study.save(folder / "study.json")
    return folder, study


@cache
def plain(base):
    """Tables of the cohort as it is."""
    return merged(written(base)[0], base / "as_it_is", written(base)[1])


def merged(samples, folder, study):
    folder.mkdir(exist_ok=True)
    study.save(folder / "study.json")
    given = arguments_of(samples)
    given[1] = folder / "study.json"
    done = call("merge_samples", *given, folder=folder)
    assert not done.fell, done.fell
    assert done.code == 0, done.said
    return {name: (folder / name).read_bytes() for name in TABLES}


def column(name, called, value):
    return Row(
        f"a column {name}",
        OWN,
        lambda folder: (name, value),
        check_column,
        {"called": called, "exit": 0, "stage": "merge_samples"},
    )


def check_column(row: Row, made: tuple, folder: Path) -> None:
    samples, study = written(folder.parent)
    name, value = made
    text = sheet_of(study).assign(**{name: value}).to_csv(index=False)
    asked = make_study(parse_samplesheet(text))
    assert merged(samples, folder, asked) == plain(folder.parent)
    with h5py.File(folder / "merged.h5ad") as file:
        assert row.expect["called"] in file["obs"]


def differing(name, change, lacking=0, note=""):
    """A row through MERGE_SAMPLES: the treated donors' samples were counted with another reference."""
    return Row(
        name,
        REFERENCES,
        lambda folder: change,
        check_references,
        {"lacking": lacking, "note": note, "exit": 0, "stage": "merge_samples"},
    )


def check_references(row: Row, made, folder: Path) -> None:
    study, rng = make_study_of(), np.random.default_rng(0)
    genes: dict[str, float] = {}
    for one in study.samples.itertuples():
        data = write_sample(folder, one.sample, rng, n=40, donor=int(one.donor[1:]))
        data.var = data.var.assign(gene_id=[f"ENSG{i:011d}" for i in range(data.n_vars)])
        other = made(data) if one.condition == "treated" else data
        other.write_h5ad(folder / f"{one.sample}.filtered.h5ad")
        totals = np.asarray(other.layers["counts"].sum(0)).ravel()
        for gene, total in zip(other.var["gene_id"], totals, strict=True):
            genes[gene] = genes.get(gene, 0) + total
    merged(folder, folder, study)
    data = cells_of(folder, study)
    found = dict(zip(data.var["gene_id"], np.asarray(data.layers["counts"].sum(0)).ravel(), strict=True))
    kept = data.n_obs / (40 * len(study.samples))  # without doublets
    assert found.keys() == genes.keys()
    assert abs(sum(found.values()) / sum(genes.values()) - kept) < 0.05
    assert data.n_vars == N_GENES + 3
    assert int((~data.var["everywhere"]).sum()) == row.expect["lacking"]
    warnings = read_tsv(folder / "cohort/warnings.tsv")
    said = " ".join(warnings.loc[warnings["sample"].isna(), "warning"])
    if row.expect["note"]:
        one_line(said, row.expect["note"], "warnings.tsv")
    else:
        assert not said, said


def without_ten(data):
    return data[:, 10:].copy()


def renamed(data):
    """A newer name of the same id."""
    data.var = data.var.rename(index={"G20": "NEW20"})
    return data


def turned(data):
    """The same genes in another order."""
    return data[:, np.random.default_rng(4).permutation(data.n_vars)].copy()


def same_cell():
    return np.tile(two_types(n=1, n_doublets=1).toarray()[:1], (200, 1))


ROWS = [
    *(
        scored(f"{name} {n} cells", lambda n=n: two_types()[:n])
        for name, n in (("D1", 3), ("D2", 20), ("D3", 60), ("none:", 0))
    ),
    scored("D7 one kind of cell", lambda: two_types(n=240)[:240:2], most=0.25),
    scored("D8 a panel of 22 genes", lambda: two_types()[:, :22], most=0.25),
    scored("D9 the same cell 200 times", same_cell, most=0.25),
    pooled("POOL1 all cells told", 1.0),
    pooled("POOL2 half of them told", 0.5),
    pooled("POOL3 three in ten told", 0.3),
    column("lineage", "sheet_lineage", "B-ALL"),
    column("total_counts", "sheet_total_counts", "12"),
    column("barcode", "sheet_barcode", "BC001"),
    differing("G1 ten genes are not listed", without_ten, 10, "10 of 153 genes"),
    differing("G3 an alias of the same id", renamed, 0, "joined by Ensembl id: 1 .*G20, NEW20"),
    differing("genes in another order", turned),
]
