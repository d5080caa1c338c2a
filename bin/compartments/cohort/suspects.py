"""Samples that look swapped, mislabelled or poor: eleven kinds of suspicion."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

from compartments.cohort.gathering import Gathered
from compartments.cohort.tallies import PDC
from compartments.core.matrix import memberships, totals
from compartments.core.species import known_as
from compartments.core.vocabulary import UNASSIGNED, Y_GENES, sex_of
from compartments.labels.fit import doubts_of
from compartments.study.study import Study

if TYPE_CHECKING:
    from anndata import AnnData

Suspicion = tuple[str, str]  # sample, warning
MIN_SEX_UMIS = 20
SEX_SHARE = 0.8
MIN_REFERENCES = 2
SWAP_MARGIN = 0.1
MIN_LIKENESS_CELLS = 20  # of a sample in a lineage
MIN_LIKE_SAMPLES = 3  # of a compartment: two differ from their mean by the same
OUTLIER_MADS = 5
LINEAGE_GENES = 1500
MOST_DOUBLETS = 0.1
IDENTITY = re.compile(r"swapped\?|XIST and Y genes")  # what warnings of a sample say that may be another's
REVIEWED = ("pDC", "Plasma", "T_cycling")  # what doublet scores take for doublets by mistake


def sample_warnings(
    gathered: Gathered, bulk: "AnnData", study: Study, cells: pd.DataFrame, of_cohort: Sequence[str] = ()
) -> pd.DataFrame:
    """Samples that look swapped, mislabelled or poor, whose ambient RNA was not removed as asked or files are doubtful.

    Parameters
    ----------
    gathered : Gathered
    bulk : AnnData
        From :func:`merging.make_pseudobulk`.
    study : Study
    cells : DataFrame
        One row per cell: ``sample, lineage, marker_pdc``.
    of_cohort : list of str
        What concerns several samples.

    Returns
    -------
    DataFrame
        ``stage, sample, warning``; first samples that may be another's, then what is of no single sample, then by
        sample as in the study. Samples are judged by the genes that the files of all list.
    """
    shared = bulk.var["everywhere"].to_numpy(bool)
    of_cells = complexity_table(gathered, bulk, shared)
    bulk = bulk if shared.all() else bulk[:, shared]
    sums = sample_sums(bulk)
    rows = [
        *(("", why) for why in of_cohort),
        *_sex_warnings(sums, study),
        *_compartment_warnings(sums, study),
        *_donor_warnings(bulk, study),
        *_complexity_warnings(of_cells, study),
        *_pdc_warnings(cells),
        *_doublet_warnings(gathered.doublets),
        *((sample, f"ambient RNA: {why}") for sample, why in gathered.said("ambient_warning").items() if why),
        *(
            (name, f"counts: {why}")
            for name, said in gathered.said("count_warnings").items()
            for why in said.split("\n")
            if why
        ),
    ]
    table = pd.DataFrame(rows, columns=["sample", "warning"])
    table.insert(0, "stage", "merge_samples")
    order = {name: i for i, name in enumerate(["", *study.samples["sample"]])}
    table = table.sort_values("sample", key=lambda c: c.map(order), kind="stable")
    doubtful = of_identity(table)
    return pd.concat([doubtful, table.drop(doubtful.index)], ignore_index=True)


def with_doubts(warnings: pd.DataFrame, summaries: Sequence[Path]) -> pd.DataFrame:
    """Warnings, and behind them why models may not fit samples, from their ``<s>.labels.json``."""
    doubts = doubts_of(summaries)
    rows = pd.DataFrame({"stage": "annotate_cells", "sample": list(doubts), "warning": list(doubts.values())})
    return pd.concat([warnings, rows], ignore_index=True)


def of_identity(warnings: pd.DataFrame) -> pd.DataFrame:
    """Of :func:`sample_warnings` what says that a sample may be another donor's or compartment's."""
    return warnings[warnings["warning"].fillna("").str.contains(IDENTITY)]


def sample_sums(bulk: "AnnData") -> pd.DataFrame:
    """Corrected counts per sample: DataFrame, shape (samples, genes)."""
    names = list(dict.fromkeys(bulk.obs["sample"]))
    rows = pd.Index(names).get_indexer(bulk.obs["sample"])
    sums = memberships(rows, len(names)) @ bulk.layers["corrected"]
    return pd.DataFrame(sums.toarray(), index=names, columns=bulk.var_names)


def sex_of_samples(sums: pd.DataFrame) -> pd.Series:
    """Sex as expressed: ``F``, ``M``, ``mixed`` or ``unclear`` per sample.

    Parameters
    ----------
    sums : DataFrame, shape (samples, genes)

    Notes
    -----
    XIST against genes of the male-specific part of chromosome Y; at least 20 UMIs of them, 80 % on one side.
    """
    of_x, of_y = known_as(["XIST"], sums), known_as(Y_GENES, sums)
    xist, y = sums[of_x].sum(axis=1), sums[of_y].sum(axis=1)
    enough = (xist + y >= MIN_SEX_UMIS) & bool(of_x and of_y)
    share = xist / (xist + y).where(xist + y > 0, 1)
    sex = np.select([~enough, share >= SEX_SHARE, share <= 1 - SEX_SHARE], ["unclear", "F", "M"], "mixed")
    return pd.Series(sex, index=sums.index)


def _sex_warnings(sums: pd.DataFrame, study: Study) -> Iterator[Suspicion]:
    """A sample of another sex than stated or than the donor's others, or of both."""
    sex = sex_of_samples(sums)
    sheet = study.samples.set_index("sample").loc[sex.index]
    for donor, expressed in sex.groupby(sheet["donor"], sort=False):
        if {"F", "M"} <= set(expressed):
            seen = ", ".join(f"{sample} {value}" for sample, value in expressed.items())
            for sample in expressed.index:
                yield sample, f"the samples of donor {donor} differ in sex by XIST and Y genes ({seen}): swapped?"
    for sample, value in sex.items():
        if value == "mixed":
            yield sample, "XIST and Y genes are both expressed: cells of two people, or a transplant?"
        stated = sex_of(sheet["sex"].get(sample)) if "sex" in sheet else ""
        if stated and value in ("F", "M") and stated != value:
            yield sample, f"stated sex is {stated}, XIST and Y genes say {value}"


def _log_cpm(sums: pd.DataFrame) -> pd.DataFrame:
    total = sums.sum(axis=1)
    return np.log2(1e6 * sums.div(total.where(total > 0, 1), axis=0) + 10)


def _compartment_warnings(sums: pd.DataFrame, study: Study) -> Iterator[Suspicion]:
    """A sample whose expression is that of another compartment (nearest centroid of the other samples).

    Of the samples of its own condition where each compartment has enough of them: what a condition does to the cells
    may be more than what tells compartments apart.
    """
    sheet = study.samples.set_index("sample").loc[sums.index]
    compartment = sheet["compartment"]
    if compartment.nunique() < 2:
        return
    expression = _log_cpm(sums)
    expression = expression.loc[:, expression.std().sort_values(ascending=False, kind="stable").index[:LINEAGE_GENES]]
    for sample in expression.index:
        others = compartment.drop(index=sample)
        alike = others[sheet["condition"].drop(index=sample) == sheet.loc[sample, "condition"]]
        enough = [
            one
            for one in (alike, others)
            if one.value_counts().reindex(compartment.unique(), fill_value=0).min() >= MIN_REFERENCES
        ]
        if not enough:
            continue
        centre = expression.loc[enough[0].index].groupby(enough[0]).mean()
        centred = centre - centre.mean()
        likeness = centred.T.corrwith(expression.loc[sample] - centre.mean())
        best, stated = likeness.idxmax(), compartment[sample]
        if best != stated and likeness[best] - likeness[stated] > SWAP_MARGIN:
            yield sample, f"its expression is that of {best}, not of {stated}: swapped?"


def donor_likeness(bulk: "AnnData", study: Study, a: str, b: str) -> pd.DataFrame:
    """Correlation of the donors' own expression between two compartments.

    Within each lineage and compartment, log expression minus the mean of the samples of the same condition leaves what
    is peculiar to the donor; it is shared by the donor's samples.

    Returns
    -------
    DataFrame, shape (samples of a, samples of b); empty with fewer than 3 samples in either.
    """
    sheet = study.samples.set_index("sample")
    parts = []
    for compartment in (a, b):
        names = [s for s in dict.fromkeys(bulk.obs["sample"]) if sheet.loc[s, "compartment"] == compartment]
        enough = len(names) >= MIN_LIKE_SAMPLES
        parts.append(peculiar_to_samples(bulk, names, sheet.loc[names, "condition"]) if enough else pd.DataFrame())
    return correlations(*parts)


def correlations(one: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Of all rows of one table with all of another, over the columns of both; empty with fewer than 100 of them."""
    shared = one.columns.intersection(other.columns)
    if len(shared) < 100:
        return pd.DataFrame()
    x, y = (m[shared].to_numpy() for m in (one, other))
    x, y = ((m - m.mean(1, keepdims=True)) / m.std(1, keepdims=True) for m in (x, y))
    return pd.DataFrame(x @ y.T / len(shared), index=one.index, columns=other.index)


def peculiar_to_samples(bulk: "AnnData", names: list[str], condition: pd.Series) -> pd.DataFrame:
    """Log expression of the samples minus the mean of their condition, in the lineages that all of them have.

    Where no lineage is large enough in all, the samples are those that have the lineage which most have: a sample of
    few cells, or one that a treatment emptied, must not keep the others from being judged.

    Returns
    -------
    DataFrame, index sample
        Columns ``<lineage>:<gene>``; none where no lineage is large enough.
    """
    parts = []
    names = _with_most_common(bulk.obs, names)
    condition = condition[names]
    for lineage in sorted(bulk.obs["lineage"].unique()):
        large = bulk.obs["sample"].isin(names) & (bulk.obs["n_cells"] >= MIN_LIKENESS_CELLS)
        rows = bulk.obs[(bulk.obs["lineage"] == lineage) & large]
        if lineage == UNASSIGNED or rows["sample"].nunique() < len(names):
            continue
        corrected = bulk[rows.index].layers["corrected"].toarray()
        sums = pd.DataFrame(corrected, index=rows["sample"], columns=bulk.var_names).loc[names]
        log = _log_cpm(sums).loc[:, (sums >= 5).all()]
        centre = np.tile(log.to_numpy().mean(0), (len(log), 1))
        for level, size in condition.value_counts().items():
            if size > 1:
                same = (condition == level).to_numpy()
                centre[same] = log.to_numpy()[same].mean(0)
        log = log - centre
        log.columns = [f"{lineage}:{gene}" for gene in log]
        parts.append(log)
    return pd.concat(parts, axis=1) if parts else pd.DataFrame(index=names)


def _with_most_common(obs: pd.DataFrame, names: list[str]) -> list[str]:
    """Those of the samples that have enough cells of the lineage which most of them have; all where they are few."""
    large = obs[obs["sample"].isin(names) & (obs["n_cells"] >= MIN_LIKENESS_CELLS) & (obs["lineage"] != UNASSIGNED)]
    having = {lineage: set(rows["sample"]) for lineage, rows in large.groupby("lineage", observed=True)}
    cells = large.groupby("lineage", observed=True)["n_cells"].sum()
    most = max(having, key=lambda lineage: (len(having[lineage]), cells[lineage], lineage), default="")
    kept = [name for name in names if name in having.get(most, ())]
    return kept if len(kept) >= MIN_LIKE_SAMPLES else names


def _donor_warnings(bulk: "AnnData", study: Study) -> Iterator[Suspicion]:
    """A sample that shares more with another donor's sample than with its own donor's, in another compartment or, where
    donors have several samples of one, in the same.
    """
    donor = study.samples.set_index("sample")["donor"]
    again = study.samples[study.samples.duplicated(["donor", "compartment"])]["compartment"].unique()
    pairs = [(study.reference_compartment, other) for other in study.compartments[1:]]
    for a, b in [*pairs, *((compartment, compartment) for compartment in again)]:
        likeness = donor_likeness(bulk, study, a, b)
        if a == b:
            likeness = likeness.mask(np.eye(len(likeness), dtype=bool))
        for sample in likeness.columns:
            partners = likeness.loc[[s for s in likeness.index if donor[s] == donor[sample] and s != sample], sample]
            if partners.empty:
                continue
            best, close = likeness[sample].idxmax(), partners.max()
            closer = likeness.loc[best, sample]
            if donor[best] != donor[sample] and closer - close > SWAP_MARGIN and _back(likeness, best, sample, donor):
                words = f"shares donor-specific expression with {best} (correlation {closer:.2f}), "
                yield sample, f"{words}not with {partners.idxmax()} of its own donor ({close:.2f}): swapped?"


def _back(likeness: pd.DataFrame, best: str, sample: str, donor: pd.Series) -> bool:
    """Whether ``best`` is as like ``sample`` as like any other, or as like as its own donor's other samples.

    An odd sample is like none, a swapped or mislabelled one is like its true donor's.
    """
    own = likeness.loc[best, [s for s in likeness.columns if donor[s] == donor[best] and s != best]]
    # a single sample of another compartment may be the one that is exchanged
    kin = own.min() - SWAP_MARGIN if len(own) > (best not in likeness.columns) else np.inf
    return bool(likeness.loc[best].idxmax() == sample or likeness.loc[best, sample] > kin)


def complexity_table(gathered: Gathered, bulk: "AnnData", shared: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Genes and UMIs of each sample's median cell and the median ratio of their logs, of the genes that all files list.

    Returns
    -------
    DataFrame, index sample
        ``genes, umis, ratio``.

    Notes
    -----
    The medians are of all genes of the sample's file. Where files list different ones, genes and UMIs are those times
    the shares that the shared genes have in the sample's sums (of cells that express a gene, of UMIs).
    """
    table = pd.DataFrame([one.uns["complexity"] for one in gathered.sums], index=gathered.names)
    if shared.all():
        return table
    rows = pd.Index(gathered.names).get_indexer(bulk.obs["sample"])
    for column, layer in (("genes", "n_expressing"), ("umis", "counts")):
        sums = sparse.csr_matrix(memberships(rows, len(table)) @ bulk.layers[layer])
        inside = table[column] * totals(sums[:, shared]) / np.maximum(totals(sums), 1)
        low = 1 if column == "genes" else 10
        change = np.log10(np.maximum(inside, low)) / np.maximum(np.log10(np.maximum(table[column], low)), 1e-9)
        table["ratio"] = table["ratio"] * change if column == "genes" else table["ratio"] / change
        table[column] = inside
    return table


def _complexity_warnings(median: pd.DataFrame, study: Study) -> Iterator[Suspicion]:
    """Samples with far fewer genes per cell, at their depth, than the others of their compartment."""
    compartment = study.samples.set_index("sample")["compartment"].loc[median.index]
    for sample, row in median.iterrows():
        peers = median.loc[(compartment == compartment[sample]) & (median.index != sample), "ratio"]
        if row["genes"] < 200:
            yield sample, f"low complexity: {row['genes']:.0f} genes in the median cell"
        elif len(peers) >= 3:
            spread = max(1.4826 * (peers - peers.median()).abs().median(), 0.005)
            if row["ratio"] < peers.median() - OUTLIER_MADS * spread:
                yield (
                    sample,
                    (
                        f"low complexity: {row['genes']:.0f} genes from {row['umis']:.0f} UMIs in the median cell, "
                        f"less than in the other {compartment[sample]} samples"
                    ),
                )


def _doublet_warnings(tables: Sequence[pd.DataFrame]) -> Iterator[Suspicion]:
    """One line per sample that names the lineages of which more than ``MOST_DOUBLETS`` were called doublets."""
    for table in tables:
        heavy = table[(table["share"] > MOST_DOUBLETS) & (table["lineage"] != UNASSIGNED)]
        words = []
        for row in heavy.itertuples():
            taken = f"{row.lineage} ({row.n_doublets} of {row.n_cells}"
            if row.lineage in REVIEWED:
                taken += f", {row.n_doublets_two_lineages} of them with markers of two lineages"
            words.append(f"{taken})")
        if words:
            yield heavy["sample"].iloc[0], f"doublets took more than {MOST_DOUBLETS:.0%} of {', '.join(words)}"


def _pdc_warnings(obs: pd.DataFrame) -> Iterator[Suspicion]:
    """A sample in which model and markers disagree on pDC."""
    model = (obs["lineage"].astype(str) == PDC).groupby(obs["sample"].astype(str)).sum()
    marker = obs["marker_pdc"].groupby(obs["sample"].astype(str)).sum()
    both = ((obs["lineage"].astype(str) == PDC) & obs["marker_pdc"]).groupby(obs["sample"].astype(str)).sum()
    for sample in model.index:
        either = model[sample] + marker[sample] - both[sample]
        if either >= 5 and both[sample] < 0.8 * either:
            yield sample, f"pDC: {model[sample]} by their labels, {marker[sample]} by markers, {both[sample]} by both"
