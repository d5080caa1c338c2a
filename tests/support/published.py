"""What a run publishes, as far as a comparison again looks at it: small tables, no cells."""

import h5py
import numpy as np
import pandas as pd

import compartments
from compartments.cohort import on_disk
from compartments.core.files import read_tsv, write_json, write_parquet, write_tsv
from compartments.study.asking import ask
from compartments.study.samplesheet import parse_samplesheet
from tests.support.samples import merge_all

PARAMETERS = {
    "reference_condition": "control",
    "covariates": None,
    "equiv_margin": 1,
    "lineage_map": "/somewhere/assets/celltypist_immune_all_low_lineage.tsv",
}


def publish(folder, sheet):
    """Results of a study whose samplesheet is ``sheet``; the folder."""
    for name in ("pipeline_info", "cohort", "composition", "interactions", "samples"):
        (folder / name).mkdir(parents=True)
    study, ordered = ask(parse_samplesheet(sheet), PARAMETERS, None)
    study.save(folder / "study.json")
    ordered.compared().save(folder / "pipeline_info/labelled.json")
    write_json(PARAMETERS, folder / "pipeline_info/params.json")
    text = f"Workflow:\n    sc-compartments: '{compartments.__version__}'\n"
    (folder / "pipeline_info/versions.yml").write_text(text)
    write_tsv(study.samples, folder / "samples.tsv")
    samples = study.samples[["sample", "donor", "compartment", "condition"]]
    write_tsv(samples.assign(barcode="A", lineage="B"), folder / "cohort/cells.tsv.gz")
    write_tsv(samples.assign(umis_kept=0.5)[["sample", "umis_kept"]], folder / "cohort/depth.tsv")
    write_tsv(pd.DataFrame({"sample": samples["sample"], "n_cells": 3}), folder / "composition/counts.tsv")
    nodes = samples.assign(network="all", lineage="B", share=0.12345678912)
    write_tsv(nodes, folder / "interactions/centrality.tsv")
    write_tsv(nodes.assign(source="B", target="B"), folder / "interactions/network.tsv")
    write_parquet(nodes.assign(ligand_complex="L", magnitude=0.25), folder / "interactions/liana.parquet")
    skipped = {
        "stage": ["read_counts", "power"],
        "sample": ["P3_CSF", ""],
        "lineage": "",
        "contrast": "",
        "reason": "r",
    }
    write_tsv(pd.DataFrame(skipped), folder / "skipped.tsv")
    finding = {"question": 1, "contrast": "treated_vs_control", "compartment": "CSF", "lineage": "", "aspect": ""}
    write_tsv(pd.DataFrame([finding | {"verdict": "no", "estimate": 1.0, "q_value": 0.5}]), folder / "findings.tsv")
    assert len(read_tsv(folder / "findings.tsv")) == 1
    return folder


def write_cohort(folder, study):
    """``cohort/cohort.h5ad`` and ``cells.tsv.gz`` of the samples whose files are in ``folder``; all cells merged."""
    _, merged, _, _ = merge_all(folder, study)
    (folder / "cohort").mkdir(exist_ok=True)
    write_tsv(merged.obs.reset_index(drop=True), folder / "cohort/cells.tsv.gz")
    obs = merged.obs.assign(leiden=pd.Categorical(["0"] * merged.n_obs)).rename(columns={"sex": "sheet_sex"})
    picture = np.random.default_rng(0).normal(size=(merged.n_obs, 2)).astype(np.float32)
    with h5py.File(folder / "cohort/cohort.h5ad", "w") as file:
        counts = on_disk.counts_of_samples(merged, sorted(folder.glob("*.filtered.h5ad")))
        on_disk.write_matrices(file, counts, np.ones(merged.n_vars, bool))
        parts = {"obs": obs, "var": merged.var, "obsm": {"X_umap": picture}, "uns": {"log1p": {}}}
        on_disk.write_around(file, parts)
    return merged
