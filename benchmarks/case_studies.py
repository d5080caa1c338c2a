"""Published claims beside what is found here, on real data, with the donors' values: docs/results/case_studies.md.

    python -m benchmarks.case_studies

Reads ``../shared/data`` or the folder in ``COMPARTMENTS_TEST_DATA``. The words of the page are in case_studies.md.j2;
its numbers, and whether a claim is shown, are computed here.
"""

import os
import sys
import warnings
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import anndata
import numpy as np
import pandas as pd
from jinja2 import Template
from scipy import sparse

from benchmarks.compare import bench_kang, bench_schafflick
from benchmarks.count_studies import long_counts, study_of
from benchmarks.labels.bench_annotation import tables
from compartments.cells.soup import Soup
from compartments.cells.soupem import remove_soup
from compartments.cohort.pseudobulk import Lineage
from compartments.compare import composition
from compartments.compare.expression import compare_lineage
from compartments.core.left_out import LeftOut
from compartments.core.matrix import totals
from compartments.labels.annotation import annotate
from compartments.labels.model import load_model

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("COMPARTMENTS_TEST_DATA", ROOT.parent / "shared" / "data"))
PAGE = ROOT / "docs" / "results" / "case_studies.md"
ALPHA = 0.05
MANY = 10  # UMIs of a gene that soup hardly brings into a cell
SMALL = 0.5  # a published log2 size below this claims no change
# of Schafflick 2020; the others are doublets, contamination, platelets and red cells
TYPES = ["CD4", "Tregs", "CD8a", "CD8n", "Tdg", "NK1", "NK2", "B1", "B2", "plasma", "Mono", "ncMono", "mDC1", "mDC2"]
TYPES += ["pDC", "Gran"]


def main():
    warnings.simplefilter("ignore")
    if not DATA.is_dir():
        sys.exit(f"case_studies: {DATA} not found: set COMPARTMENTS_TEST_DATA")
    model = load_model(DATA / "models" / "Immune_All_Low.pkl")
    words = Template(Path(__file__).with_suffix(".md.j2").read_text(), keep_trailing_newline=True)
    PAGE.write_text(words.render(csf=schafflick(), kang=kang(), pbmc=pbmc_4k(model), null=chemistries(model)))
    print(f"written: {PAGE}")


def table_of(rows):
    """Rows (dicts) as a Markdown table."""
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(row[name]) for name in head) + " |" for row in rows])


def number(value, digits=2):
    """A number for the page; a dash where there is none."""
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def estimate(row):
    """Estimate, interval and q of a row of effects."""
    if row is None:
        return "not compared: too few cells"
    if not np.isfinite(row["q_value"]):
        return f"{number(row['log2fc'])} (no test: {row['tier'].replace('_', ' ')})"
    return f"{row['log2fc']:.2f} ({row['ci_low']:.2f} to {row['ci_high']:.2f}), q {row['q_value']:.2g}"


def verdict(row, published):
    """How a row stands to a published log2 size."""
    if row is None or not np.isfinite(row["q_value"]):
        return "not tested"
    possible = row["ci_low"] <= published <= row["ci_high"]
    if abs(published) < SMALL:
        return "no change, possible" if possible else "no change, excluded"
    if row["q_value"] > ALPHA:
        return "not shown, size possible" if possible else "not shown"
    if np.sign(row["log2fc"]) != np.sign(published):
        return "**against**"
    return "shown" if possible else "shown, other size"


def row_of(table, **keys):
    """The row with these values, or None."""
    chosen = np.logical_and.reduce([table[name] == value for name, value in keys.items()])
    return table[chosen].iloc[0] if chosen.any() else None


def schafflick():
    """Composition of CSF against blood, and of multiple sclerosis against controls."""
    study, counts, printed = bench_schafflick.cohort()
    found = composition.compare(study, long_counts(counts))
    between_compartments = found.differences()
    plain = composition.compare(study, long_counts(counts), relative_reference="proportions").differences()
    shares = counts.div(counts.sum(1), axis=0)
    samples = study.samples.pivot(index=["condition", "donor"], columns="compartment", values="sample").dropna()
    order = samples.index.get_level_values("condition").value_counts(sort=False)
    between, within, donors = [], [], []
    for name in TYPES:
        size = np.log2(printed.loc[name])
        ours = row_of(between_compartments, lineage=name)
        ratios = shares.loc[samples["CSF"], name].to_numpy() / shares.loc[samples["PBMC"], name].to_numpy()
        between.append(
            {"type": name, "published": number(size["CSF_vs_PBMC"]), "ours": estimate(ours)}
            | {"": verdict(ours, size["CSF_vs_PBMC"]), "ours, as shares": estimate(row_of(plain, lineage=name))}
            | {"donors": ", ".join(map(number, np.log2(ratios)))}
        )
        effects = found.effects[found.effects["lineage"] == name]
        csf, blood = (row_of(effects, term=f"within:{place}") for place in ("CSF", "PBMC"))
        within.append(
            {"type": name, "published, CSF": number(size["MS_vs_ctrl_in_CSF"]), "ours, CSF": estimate(csf)}
            | {"": verdict(csf, size["MS_vs_ctrl_in_CSF"])}
            | {"published, blood": number(size["MS_vs_ctrl_in_PBMC"]), "ours, blood": estimate(blood)}
            | {"ours, CSF minus blood": estimate(row_of(effects, term="interaction"))}
        )
        donors.append({"type": name} | _per_arm(100 * shares[name], study.samples, "CSF"))
    called = found.calls[found.calls["holds"] & found.calls["lineage"].isin(TYPES)]
    words = [f"{row.lineage} {row.call.replace('_', ' ')} (q {row.q_value:.2g})" for row in called.itertuples()]
    return {
        "n_both": len(samples),
        "order": ", then ".join(f"{n} {condition}" for condition, n in order.items()),
        "between": table_of(between),
        "within": table_of(within),
        "donors": table_of(donors),
        "cd4": number(row_of(between_compartments, lineage="CD4")["log2fc"]),
        "cd4_published": number(np.log2(printed.loc["CD4", "CSF_vs_PBMC"])),
        "words": "; ".join(words) or "none",
    }


def _per_arm(values, samples, compartment):
    """Values of single donors, arm after arm, largest first."""
    own = samples[samples["compartment"] == compartment]
    arms = own.groupby("condition", sort=True)["sample"]
    return {name: ", ".join(f"{v:.2g}" for v in values[part].sort_values(ascending=False)) for name, part in arms}


def kang():
    """Genes that interferon beta raises in blood cells."""
    data = anndata.read_h5ad(DATA / "kang18" / "example_sce_kang18.h5ad")
    rows, called, exchanged = [], [], []
    for swapped in (False, True):
        each, study = bench_kang.lineages(data, swapped)
        for lineage in each:
            (table,), _ = compare_lineage(lineage, study, LeftOut("compare_expression"))
            table = table.set_index("gene")
            (exchanged if swapped else called).append((table["q_value"] <= ALPHA).mean())
            if not swapped:
                rows.append(_interferon(lineage, table))
    return {
        "rows": table_of(rows),
        "n_types": len(rows),
        "called": number(100 * np.mean(called), 0),
        "exchanged": number(100 * np.mean(exchanged)),
    }


def _interferon(lineage, table):
    """A row for one type: core genes, then single genes with the donors' values."""
    core = table.reindex([gene for gene in bench_kang.CORE if gene in table.index])
    found = {
        "type": lineage.name,
        "core genes doubled": f"{(core['log2fc'] > 1).sum()} of {len(core)}",
        "at q ≤ .05": f"{((core['q_value'] <= ALPHA) & (core['log2fc'] > 0)).sum()}",
    }
    counts = pd.DataFrame(lineage.corrected, lineage.samples.index, lineage.genes)
    cpm = np.log2(1e6 * counts.div(counts.sum(1), axis=0) + 10)
    for gene in ("ISG15", "IFI6", "CXCL10", "CD14"):
        if gene not in table.index:
            found[gene] = "-"
            continue
        donors = [cpm.loc[f"stim{donor}", gene] - cpm.loc[f"ctrl{donor}", gene] for donor in ("101", "107")]
        star = "*" if table.loc[gene, "q_value"] <= ALPHA else ""
        found[gene] = f"{table.loc[gene, 'log2fc']:.1f}{star} ({donors[0]:.1f}, {donors[1]:.1f})"
    return found


def pbmc_4k(model):
    """Labels and ambient RNA of one sample with its analysts' labels."""
    data = anndata.read_h5ad(DATA / "pbmc4k" / "pbmc4k_2170_cells.h5ad")
    data.var_names_make_unique()
    counts = sparse.csr_matrix(data.X).astype(np.int32)
    labels, _ = annotate(counts, data.var_names, data.var_names, [model], *tables(), "PBMC")
    truth = data.obs["Annotation"].astype(str).to_numpy()
    rows = []
    for name in sorted(set(truth), key=lambda name: -(truth == name).sum()):
        ours = labels["lineage"].to_numpy()[truth == name]
        most = ", ".join(f"{lineage} {n}" for lineage, n in pd.Series(ours).value_counts().head(4).items())
        rows.append({"published type": name, "cells": len(ours), "ours": most})
    corrected = remove_soup(counts, _soup(data), data.obs["Cluster"].astype(int).to_numpy(), 0)[0]
    kept = []
    for gene, own in (("IGKC", ["B"]), ("LYZ", ["MNP"])):
        column = data.var_names.get_loc(gene)
        before, after = (totals(matrix[:, [column]]) for matrix in (counts, corrected))
        inside = np.isin(truth, own)
        # pDC make immunoglobulin light chains themselves
        outside = ~np.isin(truth, [*own, "?"])
        share = {
            f"kept {place}": f"{100 * after[cells].sum() / before[cells].sum():.1f} % of {before[cells].sum():,} UMIs"
            for place, cells in (("there", inside), ("elsewhere", outside))
        }
        full = outside & (before >= MANY)
        share["elsewhere, in full cells"] = f"{100 * before[full].sum() / before[outside].sum():.0f} % in {full.sum()}"
        kept.append({"gene": gene, "made by": ", ".join(own)} | share)
    return {
        "n": f"{len(truth):,}",
        "types": table_of(rows),
        "ambient": table_of(kept),
        "removed": number(100 * (1 - corrected.sum() / counts.sum()), 1),
    }


def _soup(data):
    """The measured soup: profile of the empty droplets, UMIs of a typical one."""
    umis, droplets = (np.asarray(data.uns[f"nDropUMIs_hist_{axis}"]) for axis in "xn")
    empty = umis < 100  # cells of this sample begin at 500
    weight = np.cumsum((umis * droplets)[empty])
    typical = float(umis[empty][np.searchsorted(weight, weight[-1] / 2)])
    profile = data.var["soup_counts"].to_numpy(float)
    return Soup(profile / profile.sum(), typical, 0.0, int(droplets[empty].sum()), int(profile.sum()))


def chemistries(model):
    """Alike blood by three chemistries, dealt to donors and compartments that do not exist."""
    cells, described = [], []
    for path in sorted((DATA / "pbmc_chemistries").glob("*.h5ad")):
        data = anndata.read_h5ad(path)
        data.var_names_make_unique()
        data = data[np.diff(sparse.csr_matrix(data.X).indptr) >= 500].copy()
        data.X = sparse.csr_matrix(data.X).astype(np.int32)
        labels, _ = annotate(data.X, data.var_names, data.var_names, [model], *tables(), "PBMC")
        data.obs = pd.DataFrame({"lineage": labels["lineage"].to_numpy(), "chemistry": path.stem.split("_filt")[0]})
        cells.append(data)
        share = labels["lineage"].value_counts(normalize=True)
        described.append(
            {
                "set": path.stem,
                "cells": data.n_obs,
                "UMIs": int(np.median(totals(data.X))),
                "genes": int(np.median(np.diff(data.X.indptr))),
            }
            | {name: f"{100 * share.get(name, 0):.1f} %" for name in ("CD4_T", "B", "cMono", "ncMono", "NK", "pDC")}
        )
    pooled = anndata.concat(cells, join="inner", index_unique="-")
    names = list(pd.unique(pooled.obs["chemistry"]))
    rows = [_null(pooled, "each arm has one donor of each chemistry", [(name, 0) for name in names])]
    rows += [_null(pooled, f"the treated donors are {name}", [(name, 0), (name, 1)]) for name in names]
    return {"sets": table_of(described), "rows": table_of(rows)}


def _null(pooled, title, treated):
    """Findings of one dealing; ``treated``: chemistry and number of the donors with the condition."""
    rng = np.random.default_rng(0)
    own = pooled.obs.assign(part=rng.integers(0, 4, pooled.n_obs))
    own["donor"] = own["chemistry"] + "-" + (own["part"] // 2).astype(str)
    own["compartment"] = np.where(own["part"] % 2, "CSF", "blood")
    own["sample"] = own["donor"] + "-" + own["compartment"]
    arm = {f"{name}-{k}" for name, k in treated}
    samples = own[["sample", "donor", "compartment"]].drop_duplicates().sort_values("sample", ignore_index=True)
    samples["condition"] = np.where(samples["donor"].isin(arm), "treated", "untreated")
    study = study_of(samples)
    counts = pd.crosstab(own["sample"], own["lineage"])
    effects = composition.compare(study, long_counts(counts)).effects
    inside, between = effects["term"].str.startswith("within"), effects["term"] == "interaction"
    named = between & effects["call"].notna() & ~effects["call"].str.contains("inconclusive|concordant", na=True)
    genes, _ = compare_lineage(_pseudobulk(pooled, own, study, "CD4_T"), study, LeftOut("compare_expression"))
    genes = pd.concat(genes)
    return {
        "design": title,
        "lineages within": f"{(effects['q_value'][inside] <= ALPHA).sum()} of {inside.sum()}",
        "between": f"{(effects['q_value'][between] <= ALPHA).sum()} of {between.sum()}",
        "words": "; ".join(effects["lineage"][named] + " " + effects["call"][named].str.replace("_", " ")) or "none",
        "genes within": _called(genes[genes["term"].str.startswith("within")]),
        "genes between": _called(genes[genes["term"] == "interaction"]),
    }


def _called(table):
    return f"{(table['q_value'] <= ALPHA).sum():,} of {len(table):,}"


def _pseudobulk(pooled, own, study, name):
    """Sums of one lineage over the samples of the study."""
    table = study.samples.set_index("sample").rename_axis(None)
    chosen = (own["lineage"] == name).to_numpy()
    cells = [np.flatnonzero(chosen & (own["sample"] == sample).to_numpy()) for sample in table.index]
    matrix = sparse.csr_matrix(pooled.X)
    sums = np.vstack([totals(matrix[rows], axis=0) for rows in cells]).astype(np.int64)
    table = table.assign(n_cells=[len(rows) for rows in cells])
    empty = sparse.csr_array(sums.shape, dtype=np.float32)
    return Lineage(name, table, pooled.var_names, sums, sparse.csr_array(sums), empty)


if __name__ == "__main__":
    main()
