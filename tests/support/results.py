"""A results tree with the layout of a finished run, made of random numbers with a known shape. Used by the tests of
findings and report; nothing in it is measured."""

import json
import math

import anndata
import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.files import read_json, read_tsv, write_json
from compartments.findings.answers import answer_all
from compartments.findings.rows import Tables
from compartments.findings.write_findings import TABLES
from compartments.study.design import make_study
from compartments.study.plan import design_table
from compartments.study.samplesheet import parse_samplesheet
from compartments.study.study import Study
from tests.support import comparisons
from tests.support.comparisons import SETS
from tests.support.tables import LINEAGES, PLACES, Gaps, shares, write

__all__ = ["LINEAGES", "SETS", "load", "make", "make_pseudobulk", "make_sheet"]
PARAMETERS = {
    "input": "samplesheet.csv",
    "seed": 1,
    "equiv_margin": 1,
    "ambient_method": "soupem",
    "lr_resource": "consensus",
    "simulate": "alemtuzumab",
    "min_cells_pb": 10,
    "n_perms": 1000,
}


def make_sheet(arms=(("treated", 2), ("untreated", 4)), compartments=("blood", "CSF"), absolute=True, simulated=True):
    """Samplesheet text: every donor in every compartment."""
    lines = ["sample,donor,compartment,condition,raw,simulated" + (",cells_per_ul" if absolute else "")]
    for condition, n in arms:
        for i in range(n):
            donor = f"{condition[:2].upper()}{i + 1}"
            for k, compartment in enumerate(compartments):
                total = f",{[1800, 3, 40][k] / (5 if condition == 'treated' else 1)}" if absolute else ""
                lines.append(
                    f"{donor}_{compartment},{donor},{compartment},{condition},/data/{donor}_{compartment}.h5,"
                    f"{str(simulated).lower()}{total}"
                )
    return "\n".join(lines) + "\n"


def design(kind, absolute=True):
    """A small study of a kind of contrasts: of one condition or compartment, or of donors with several conditions."""
    compartments = ("blood",) if kind == "one_compartment" else ("blood", "CSF")
    both, options = ("before", "after"), {}
    donors = {f"D{i}": ("", both) for i in range(1, 6)}
    match kind:
        case "mixed":
            donors |= {"D4": ("", ("before",)), "D5": ("", ("after",)), "D6": ("", ("before",))}
        case "change":
            donors = {f"D{i}": ("treated" if i < 4 else "control", both) for i in range(1, 7)}
        case "trend":
            donors = dict.fromkeys(donors, ("", ("baseline", "m1", "m6")))
            options = {
                "condition_order": "baseline,m1,m6",
                "trend": True,
                "contrasts": "condition,reference\nm6,baseline\n",
            }
        case "in_group":  # of 12 donors with one condition each, 4 are asked about
            names = [
                (group, arm)
                for group, n in (("MS", 2), ("HC", 4))
                for arm in ("treated", "untreated")
                for _ in range(n)
            ]
            donors = {f"D{i}": (group, (arm,)) for i, (group, arm) in enumerate(names, 1)}
            options = {
                "reference_condition": "untreated",
                "contrasts": "condition,reference,group\ntreated,untreated,MS\n",
            }
        case "one_condition":
            donors = dict.fromkeys(donors, ("", ("untreated",)))
        case "one_compartment":
            donors = {f"D{i}": ("", ("treated" if i < 4 else "untreated",)) for i in range(1, 8)}
    lines = ["sample,donor,compartment,condition,group,raw" + (",cells_per_ul" if absolute else "")]
    for donor, (group, conditions) in donors.items():
        for compartment in compartments:
            for condition in conditions:
                name, total = f"{donor}_{compartment}_{condition}", ",40" if absolute else ""
                lines.append(f"{name},{donor},{compartment},{condition},{group},/data/{name}.h5{total}")
    text = "\n".join(lines) + "\n"
    return make_study(
        parse_samplesheet(text if kind in ("change", "in_group") else text.replace(",group,", ",arm,")), **options
    )


def make(folder, seed=1, cells=200, lost=(), absent=(), kind="", **sheet):
    """Write a whole tree into ``folder``.

    Parameters
    ----------
    kind : str
        As of :func:`design`, in place of ``sheet``.
    cells : int
        Cells of each sample in ``cohort/``.
    lost, absent
        As of :class:`Gaps`.
    **sheet
        As of :func:`make_sheet`.
    """
    rng, gaps = np.random.default_rng(seed), Gaps(lost, absent)
    study = design(kind, **sheet) if kind else make_study(parse_samplesheet(make_sheet(**sheet)))
    folder.mkdir(parents=True, exist_ok=True)
    study.save(folder / "study.json")
    write(study.samples, folder, "samples.tsv")
    write(design_table(study), folder, "design.tsv")
    for sample in gaps.kept(study)["sample"]:
        _sample(folder, sample, int(rng.integers(200, 900)), rng)
    _cohort(folder, study, rng, cells, gaps)
    effects = comparisons.composition(folder, study, rng, gaps)
    comparisons.expression(folder, study, rng, gaps)
    make_pseudobulk(folder, study, rng, gaps=gaps)
    comparisons.migration(folder, study, rng, gaps)
    comparisons.activities(folder, study, np.random.default_rng(seed + 1), gaps)
    comparisons.interactions(folder, study, rng, gaps)
    comparisons.liana(folder, study, rng, gaps)
    comparisons.coupling(folder, study, effects)
    comparisons.calibration(folder, study)
    rows = [("filter_cells", sample, "", "", "no cell is within the limits") for sample in lost]
    contrast = study.contrasts["contrast"].iloc[0]
    rows.append(("compare_expression", "", "pDC", contrast, "only 1 treated pair with 10 cells"))
    write(pd.DataFrame(rows, columns=["stage", "sample", "lineage", "contrast", "reason"]), folder, "skipped.tsv")
    (folder / "pipeline_info").mkdir(exist_ok=True)
    (folder / "pipeline_info" / "versions.yml").write_text(
        "COMPARE_COMPOSITION:\n    numpy: '2.5.5'\n    python: '3.12.9'\nEMBED_COHORT:\n    scanpy: '1.12.4'\n"
        "Workflow:\n    Nextflow: '25.04.0'\n    commit: '0123456789abcdef with changes'\n"
        "    sc-compartments: '0.1.0'\n"
    )
    write_json(PARAMETERS, folder / "pipeline_info" / "params.json")
    return study


def answer(folder):
    """Write ``findings.tsv`` of a tree."""
    read = {name: read_tsv(folder / place) for name, (place, _) in TABLES.items() if (folder / place).exists()}
    tables = Tables(**read, composition_summary=read_json(folder / "composition" / "composition.json"))
    write(answer_all(Study.load(folder / "study.json"), tables), folder, "findings.tsv")


def _summaries(n, rng):
    """Summary of each step on a sample of ``n`` cells."""
    return {
        "read": {"kind": "raw", "n_genes": 12_000, "notes": ""},
        "calls": {
            "n_cells": n + 60,
            "method": "emptydrops",
            "median_umis_cells": 4300.0,
            "knee": 600.0,
            "few_cells": False,
            "warning": None,
            "curve_rank": [1, 10, 100, 1000, 10000],
            "curve_total": [20000, 9000, 4000, 120, 60],
        },
        "ambient": {
            "method": "soupem",
            "reason": None,
            "n_cells": n + 60,
            "soup_umi_per_droplet": 80.0,
            "fraction_removed": float(rng.uniform(0.01, 0.06)),
            "contamination_median": float(rng.uniform(0.01, 0.05)),
            "contamination_min": 0.002,
            "contamination_max": 0.4,
            "traumatic_tap": None,
        },
        "qc": {"n_cells_called": n + 60, "n_cells": n, "median_n_genes": 1400.0, "median_total_counts": 4300.0},
        "doublets": {"n_cells": n, "n_doublets": int(n * 0.02), "threshold": 0.31, "threshold_source": "automatic"},
        "labels": {
            "n_cells": n,
            "model": "demo.pkl",
            "model_gene_overlap": 0.98,
            "model_doubt": "",
            "marker_agreement": 0.93,
            "warnings": "",
        },
        "liana": {"n_interactions": 2000, "resource": "consensus"},
    }


def _sample(folder, sample, n, rng):
    place = folder / "samples" / sample
    place.mkdir(parents=True)
    for stage, values in _summaries(n, rng).items():
        write_json({"sample": sample} | values, place / f"{sample}.{stage}.json")
    qc = pd.DataFrame(
        {
            "sample": sample,
            "metric": ["counts", "genes", "mt"],
            "lower": [500.0, 250.0, math.nan],
            "upper": [40000.0, 6000.0, 12.0],
            "n_removed": rng.integers(5, 40, 3),
            "n_removed_only": rng.integers(0, 5, 3),
        }
    )
    write(qc, folder, f"samples/{sample}/{sample}.qc.tsv")


def _cohort(folder, study, rng, cells, gaps):
    names = list(LINEAGES)
    frames = []
    for row in gaps.kept(study).itertuples():
        lineage = rng.choice(len(names), cells, p=shares())
        angle = 2 * np.pi * lineage / len(names)
        frame = pd.DataFrame(
            {
                "cell": [f"{row.sample}:{i:06d}" for i in range(cells)],
                "sample": row.sample,
                "donor": row.donor,
                "compartment": row.compartment,
                "condition": row.condition,
                "lineage": np.array(names)[lineage],
                "lineage_broad": np.array([LINEAGES[n][0] for n in names])[lineage],
                "total_counts": rng.lognormal(8.3, 0.5, cells).round(),
                "n_genes": rng.lognormal(7.2, 0.35, cells).round(),
                "pct_mt": rng.gamma(4, 1, cells),
                "doublet_score": rng.beta(2, 20, cells),
                "umap_1": 8 * np.cos(angle) + rng.normal(size=cells),
                "umap_2": 8 * np.sin(angle) + rng.normal(size=cells),
                "leiden": lineage,
            }
        )
        frames.append(frame[[gaps.has(row.sample, name) for name in frame["lineage"]]])
    table = pd.concat(frames, ignore_index=True)
    umap = ["umap_1", "umap_2", "leiden"]
    write(table.drop(columns=umap), folder, "cohort/cells.tsv.gz")
    write(table[["cell", "sample", *umap]], folder, "cohort/umap.tsv.gz")
    mixing = {"compartment": "all", "key": ["donor", "sample"], "before": [1.4, 1.2], "after": [3.2, 2.9]}
    write(pd.DataFrame(mixing), folder, "cohort/mixing.tsv")
    few = {"sample": ["TR1_CSF"], "warning": ["has fewer than 200 cells"]}
    write(pd.DataFrame(few), folder, "cohort/warnings.tsv")


def make_pseudobulk(folder, study, rng, genes=300, gaps=None):
    """``cohort/pseudobulk.h5ad`` of Poisson counts."""
    obs = study.samples[PLACES].merge(pd.DataFrame({"lineage": list(LINEAGES)}), how="cross").assign(n_cells=40)
    obs.index = obs["sample"] + ":" + obs["lineage"]
    counts = sparse.csr_array(rng.poisson(rng.lognormal(3, 1, genes), (len(obs), genes)))
    var = pd.DataFrame(index=[f"GENE{i}" for i in range(genes)])
    there = [gaps is None or gaps.has(*row) for row in zip(obs["sample"], obs["lineage"], strict=True)]
    data = anndata.AnnData(obs=obs, var=var, layers={"corrected": counts})[there].copy()
    data.write_h5ad(folder / "cohort" / "pseudobulk.h5ad")


def load(folder):
    """Study of a tree, and its parameters."""
    return Study.load(folder / "study.json"), json.loads((folder / "pipeline_info" / "params.json").read_text())
