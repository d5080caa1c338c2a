"""Cohorts of raw droplets with known truth, made sample by sample.

Cells come from sorted expression profiles (:class:`ProfileSource`) or from real labelled cells
(:class:`PoolSource`); composition, noise between donors, doublets, dying cells, ambient RNA and files are the same for
both. All effects are log2, all standard deviations natural-log units.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import sparse

from compartments.core.errors import UserError
from compartments.core.files import replacing, write_json, write_tsv
from compartments.core.tenx import write_10x_h5
from compartments.simulate.studies import BLOOD_BASE, CELLS_PER_UL, CSF_BASE, check_arms

# Added to the 13 lineages of the count-level simulator; pDC and macrophages raised so that small samples hold some:
# after a loss of 3 log2 a blood sample of 1,000 cells still has more than the 10 pDC that an interaction needs.
DROPLET_BASE = pd.DataFrame({"CSF": CSF_BASE, "blood": BLOOD_BASE})
DROPLET_BASE.loc["pDC"] = [0.035, 0.05]
for _lineage, _shares in {
    "NKT": (0.004, 0.008),
    "ILC": (0.004, 0.003),
    "T_cycling": (0.004, 0.004),
    "Macrophage": (0.03, 0.0),
    "Granulocyte": (0.0, 0.003),
    "Mast_Baso": (0.0, 0.002),
    "Platelet_MK": (0.0, 0.006),
    "Erythroid": (0.001, 0.003),
    "HSPC": (0.0, 0.002),
}.items():
    DROPLET_BASE.loc[_lineage] = _shares
# RNA content relative to a T cell
SIZE = {
    "NK": 0.8,
    "cMono": 1.4,
    "ncMono": 1.5,
    "Macrophage": 2.0,
    "cDC1": 2.0,
    "cDC2": 2.2,
    "pDC": 1.8,
    "Plasma": 2.5,
    "T_cycling": 1.8,
    "Mast_Baso": 0.7,
    "Granulocyte": 0.6,
    "Platelet_MK": 0.4,
    "Erythroid": 0.8,
    "HSPC": 1.8,
}
RED_CELL = {"HBB": 0.5, "HBA2": 0.3, "HBA1": 0.2}
Y_GENES = ("RPS4Y1", "DDX3Y", "KDM5D", "UTY", "EIF1AY", "USP9Y", "ZFY")
MIGRATING = ("CD4_T", "CD8_T", "Treg", "gdT", "MAIT", "NKT", "T_cycling", "cMono", "ncMono", "pDC")
CHEMOKINE_LIGAND = r"^(?:CCL|CXCL|XCL|CX3CL)\d"
CHEMOKINE_RECEPTOR = r"^(?:CCR|CXCR|XCR|CX3CR|ACKR)\d"
PAIR_LOG2FC = 1.5  # of ligand and receptor of a planted pair
# The hub: every migration ligand and receptor that its lineage has at all, as much as an activated cell can make. Log
# expression and many well connected neighbours (macrophages above all) make less than this a change of a few ranks.
HUB_LOG2FC, HUB_UMI = 4.0, 16.0
CAPTURE_SEED, CAPTURE_SD = 3517, 0.7  # the 3' chemistry: the same for every cohort and every reference
CELL_SD = 0.45
GAMMA_SHAPE = 4.0
MT_SD = 0.25
CHUNK = 512


@dataclass(frozen=True)
class Settings:
    """What a cohort is like. Defaults make the demo cohort."""

    preset: str = "alemtuzumab"
    n_condition: int = 2
    n_reference: int = 4
    seed: int = 1
    condition: str = "alemtuzumab"
    reference: str = "untreated"
    cells: dict = field(default_factory=lambda: {"CSF": 500, "blood": 1050})
    empties: int = 8000
    mean_umi: float = 2500.0
    soup_umi: float = 80.0
    red_cell_soup: dict = field(default_factory=lambda: {"CSF": 0.3, "blood": 0.05})
    doublet_rate: float = 0.008
    dying: float = 0.04
    batches: int = 2
    sd_donor: float = 0.35
    sd_sample: float = 0.30
    sd_total: float = 0.15
    sd_expression_donor: float = 0.30
    sd_expression_sample: float = 0.15
    sd_batch: float = 0.10
    sd_compartment: float = 0.30
    de_fraction: float = 0.01
    traumatic_tap: str = ""
    outlier: str = ""
    filtered: bool = False


class ProfileSource:
    """Cells drawn from a table of sorted expression profiles.

    Parameters
    ----------
    path : str or Path
        TSV with ``gene, core`` and a column of transcripts per million per lineage; genes in order of importance.
    n_genes : int
        How many of them are used; core genes always are.
    """

    def __init__(self, path, n_genes):
        table = pd.read_csv(path, sep="\t", index_col="gene", keep_default_na=False, na_values=[""])
        capture = np.random.default_rng(CAPTURE_SEED).lognormal(0, CAPTURE_SD, len(table))
        n_core = int(table["core"].sum())
        if not n_core <= n_genes <= len(table):
            raise UserError(f"--genes {n_genes}: give a number from {n_core} (the core genes) to {len(table)}")
        values = table.drop(columns="core").mul(capture, axis=0).iloc[:n_genes]
        self.genes = values.index
        self.gene_ids = [f"SIMG{i:011d}" for i in range(1, len(values) + 1)]
        self.shares = values / values.sum()
        self.lineages = list(values.columns)
        self._mitochondrial = self.genes.str.startswith("MT-")

    def typical(self, mean_umi):
        """Expected counts per cell, lineages x genes."""
        sizes = np.array([SIZE.get(lineage, 1.0) for lineage in self.lineages])
        return self.shares.T.mul(mean_umi * sizes, axis=0)

    def draw(self, rng, lineage, n, noise, effect, ceiling, mean_umi):
        """``n`` cells of ``lineage``: Poisson-gamma counts around profile x ``noise`` x ``effect``, n x genes CSR.

        ``noise`` and ``effect`` are factors per gene; ``ceiling`` is not needed here (see :class:`PoolSource`).
        """
        shares = self.shares[lineage].to_numpy() * noise * effect
        expressed = np.flatnonzero(shares)
        shares = shares[expressed] / shares.sum()
        mitochondrial = self._mitochondrial[expressed]
        parts = []
        for start in range(0, n, CHUNK):
            m = min(CHUNK, n - start)
            umi = rng.lognormal(np.log(mean_umi * SIZE.get(lineage, 1.0)), CELL_SD, (m, 1))
            rate = umi * shares * rng.gamma(GAMMA_SHAPE, 1 / GAMMA_SHAPE, (m, len(shares)))
            rate[:, mitochondrial] *= rng.lognormal(0, MT_SD, (m, 1))
            counts = sparse.coo_array(rng.poisson(rate))
            parts.append(
                sparse.csr_array(
                    (counts.data.astype(np.int32), (counts.row, expressed[counts.col])), shape=(m, len(self.genes))
                )
            )
        return sparse.vstack(parts, format="csr")


class PoolSource:
    """Cells resampled and thinned from real labelled cells, so that noise within a lineage is real.

    Thinning can only lower counts: a gene that is raised 2^e in one group keeps all its counts there and 2^-e of them
    in all others; noise between donors is applied relative to its 95th percentile.

    Parameters
    ----------
    counts : sparse, cells x genes, integers
    labels : sequence of str
        Lineage of each cell.
    genes, gene_ids : sequences of str
    """

    def __init__(self, counts, labels, genes, gene_ids):
        self.counts = sparse.csr_array(counts).astype(np.int32)
        self.genes, self.gene_ids = pd.Index(genes), list(gene_ids)
        labels = np.asarray(labels, dtype=str)
        self.rows = {label: np.flatnonzero(labels == label) for label in dict.fromkeys(sorted(labels))}
        self.lineages = list(self.rows)

    def typical(self, mean_umi):
        """Mean counts per cell, lineages x genes; ``mean_umi`` is not used, real cells have their own depth."""
        means = [np.asarray(self.counts[rows].mean(axis=0)).ravel() for rows in self.rows.values()]
        return pd.DataFrame(np.array(means), index=self.lineages, columns=self.genes)

    def draw(self, rng, lineage, n, noise, effect, ceiling, mean_umi):
        """``n`` cells of ``lineage``, without replacement where there are enough, thinned binomially; n x genes CSR."""
        rows = self.rows[lineage]
        cells = self.counts[rng.choice(rows, n, replace=n > len(rows))].copy()
        keep = np.clip(noise / np.quantile(noise, 0.95), 0, 1) * effect / ceiling
        cells.data = rng.binomial(cells.data, keep[cells.indices]).astype(np.int32)
        cells.eliminate_zeros()
        return cells


def read_pool(path, column):
    """The :class:`PoolSource` of an h5ad with counts in ``layers['counts']`` or X and lineages in ``obs[column]``.

    Raises
    ------
    UserError
        Unreadable file, unknown column, counts that are not whole numbers.
    """
    import anndata

    try:
        adata = anndata.read_h5ad(path)
    except (OSError, KeyError) as error:
        raise UserError(f"{path}: cannot be read as h5ad ({error})") from None
    if column not in adata.obs:
        raise UserError(f"{path}: obs has no column '{column}'; it has {', '.join(adata.obs)}")
    counts = sparse.csr_array(adata.layers["counts"] if "counts" in adata.layers else adata.X)
    if (counts.data < 0).any() or (counts.data != np.rint(counts.data)).any():
        raise UserError(f"{path}: counts are not whole numbers; put raw counts in layers['counts'] or X")
    labelled = adata.obs[column].notna().to_numpy()
    ids = next((adata.var[name] for name in ("gene_id", "gene_ids") if name in adata.var), adata.var_names)
    return PoolSource(counts[labelled], adata.obs[column].astype(str)[labelled], adata.var_names, ids)


def read_gene_sets(path):
    """Gene sets of a GMT file, name -> list of genes."""
    lines = [line.rstrip("\n").split("\t") for line in Path(path).read_text().splitlines() if line]
    return {line[0]: line[2:] for line in lines}


def interaction_pairs():
    """LIANA's consensus ligand-receptor pairs, read from the installed package: list of (ligands, receptors) tuples."""
    spec = find_spec("liana")
    if spec is None:
        raise UserError("the Python package 'liana' is missing: planted interactions come from its consensus resource")
    table = pd.read_csv(Path(spec.submodule_search_locations[0]) / "resource" / "omni_resource.csv", index_col=0)
    table = table[table["resource"] == "consensus"]
    return [
        (tuple(ligand.split("_")), tuple(receptor.split("_")))
        for ligand, receptor in zip(table["source_genesymbol"], table["target_genesymbol"], strict=True)
    ]


def is_migration_pair(ligands, receptors, adhesion):
    """True for a chemokine with its receptor, or a pair with all subunits in the ``adhesion`` set."""
    chemokine = (
        pd.Index(ligands).str.contains(CHEMOKINE_LIGAND).any()
        and pd.Index(receptors).str.contains(CHEMOKINE_RECEPTOR).any()
    )
    return bool(chemokine) or set(ligands + receptors) <= set(adhesion)


def plan_interactions(rng, typical, partners, adhesion, avoid=(), n_true=15, n_decoy=15, hub="pDC"):
    """Choose the ligand-receptor edges that change.

    Parameters
    ----------
    rng : numpy.random.Generator
    typical : DataFrame, lineages x genes
        Expected counts per cell.
    partners : sequence of str
        Lineages frequent enough to be the other end.
    adhesion : collection of str
        Adhesion genes, see :func:`is_migration_pair`.
    n_true, n_decoy : int
        True edges are migration pairs with ``hub`` as source or target, the best expressed first, each pair once while
        there are enough, no gene in more than three. Decoys are other pairs between any two lineages; they share no
        gene with the true edges or with ``avoid``, and none is so abundant that raising it moves all others.

    Returns
    -------
    DataFrame ``source, target, ligand, receptor, kind`` (``true`` or ``decoy``); complexes joined by ``_``.
    """
    detected = 1 - np.exp(-typical)
    genes = set(typical.columns)
    pairs = [
        pair for pair in interaction_pairs() if genes.issuperset(pair[0] + pair[1]) and not set(pair[0]) & set(pair[1])
    ]
    migration = [is_migration_pair(*pair, adhesion) for pair in pairs]
    ends = [(hub, p) for p in partners if p != hub] + [(p, hub) for p in partners if p != hub]

    def strength(source, target, pair):
        return min(detected.loc[source, list(pair[0])].min(), detected.loc[target, list(pair[1])].min())

    candidates = sorted(
        (
            (-strength(source, target, pair), pair, source, target)
            for pair, good in zip(pairs, migration, strict=True)
            if good
            for source, target in ends
        ),
        key=lambda row: (row[0], row[1], row[2], row[3]),
    )
    candidates = [row for row in candidates if row[0] <= -0.05]
    chosen, uses = [], Counter()
    for again in (False, True):
        for _, pair, source, target in candidates:
            new = again or not any(pair == other for other, _, _ in chosen)
            if new and len(chosen) < n_true and all(uses[gene] < 3 for gene in pair[0] + pair[1]):
                if (pair, source, target) not in chosen:
                    chosen.append((pair, source, target))
                    uses.update(pair[0] + pair[1])
    taken = {gene for pair, _, _ in chosen for gene in pair[0] + pair[1]} | set(avoid)
    taken |= set(typical.columns[typical.loc[partners].max() > 10])
    others = [
        pair for pair, good in zip(pairs, migration, strict=True) if not good and not taken & set(pair[0] + pair[1])
    ]
    decoys = []
    for index in rng.permutation(len(others)):
        pair = others[index]
        if len(decoys) == n_decoy or any(set(pair[0] + pair[1]) & set(p[0] + p[1]) for p, _, _ in decoys):
            continue
        ends = [(s, t) for s in [*partners, hub] for t in [*partners, hub] if s != t and strength(s, t, pair) >= 0.1]
        if ends:
            decoys.append((pair, *ends[rng.integers(len(ends))]))
    return pd.DataFrame(
        [
            {"source": s, "target": t, "ligand": "_".join(pair[0]), "receptor": "_".join(pair[1]), "kind": kind}
            for kind, rows in (("true", chosen), ("decoy", decoys))
            for pair, s, t in rows
        ],
        columns=["source", "target", "ligand", "receptor", "kind"],
    )


def plan_hub(typical, adhesion, hub="pDC"):
    """How a lineage becomes the hub of migration: all its migration ligands and receptors rise.

    Parameters
    ----------
    typical : DataFrame, lineages x genes
        Expected counts per cell.
    adhesion : collection of str
        Adhesion genes, see :func:`is_migration_pair`.

    Returns
    -------
    Series over genes, log2
        ``HUB_LOG2FC``, but not to more than ``HUB_UMI`` per cell; genes that would gain less than a planted pair, or
        that the lineage does not express, are not in it.
    """
    members = {gene for pair in interaction_pairs() if is_migration_pair(*pair, adhesion) for gene in pair[0] + pair[1]}
    expressed = typical.loc[hub, [gene for gene in typical.columns if gene in members]]
    expressed = expressed[expressed > 0]
    rise = np.log2(HUB_UMI / expressed).clip(upper=HUB_LOG2FC)
    return rise[rise > PAIR_LOG2FC]


def plan_expression(rng, settings, source, base, effects, gene_sets):
    """Everything that the condition does to expression.

    Returns
    -------
    expression : DataFrame ``gene, lineage, compartment, log2fc, kind``
        One row per gene, lineage and compartment; kind ``hub`` and ``interaction`` (in the first compartment only),
        ``migration``, ``decoy``, ``de_interaction`` (in the first compartment only) or ``de_common`` (alike in all).
        Where kinds meet, the first named wins.
    edges : DataFrame
        From :func:`plan_interactions`; empty where the preset plants none.
    """
    compartments = list(base.columns)
    empty = pd.DataFrame(columns=["source", "target", "ligand", "receptor", "kind"])
    columns = ["gene", "lineage", "compartment", "log2fc", "kind"]
    if settings.preset not in ("alemtuzumab", "decoys"):
        return pd.DataFrame(columns=columns), empty
    everywhere = settings.preset == "decoys"
    present = [lineage for lineage in source.lineages if lineage in base.index]
    left = base * 2.0**effects
    frequent = (left / left.sum()).min(axis=1)  # a partner must be seen in every compartment, with the condition too
    partners = [lineage for lineage in present if frequent[lineage] >= 0.02]
    edges = empty
    rows = []
    if "pDC" in present:
        typical = source.typical(settings.mean_umi).loc[present]
        adhesion, avoid = gene_sets["INTEGRINS_ADHESION"], set(gene_sets["CSF_MIGRATION_CORE"])
        if not everywhere:
            hub = plan_hub(typical, adhesion)
            rows += [(gene, "pDC", compartments[0], round(log2fc, 3), "hub") for gene, log2fc in hub.items()]
            avoid |= set(hub.index)
        edges = plan_interactions(rng, typical, partners, adhesion, avoid, n_true=0 if everywhere else 15)
    for edge in edges.itertuples(index=False):
        where = compartments[:1] if edge.kind == "true" else compartments
        kind = "interaction" if edge.kind == "true" else "decoy"
        for genes, lineage in ((edge.ligand, edge.source), (edge.receptor, edge.target)):
            rows += [(gene, lineage, c, PAIR_LOG2FC, kind) for gene in genes.split("_") for c in where]
    core = [gene for gene in gene_sets["CSF_MIGRATION_CORE"] if gene in source.genes]
    raised = sorted(rng.choice(core, round(0.6 * len(core)), replace=False)) if core else []
    where = compartments if everywhere else compartments[:1]
    decoy_genes = {row[0] for row in rows if row[4] == "decoy"}
    rows += [
        (gene, lineage, c, 1.0, "migration")
        for gene in raised
        if gene not in decoy_genes
        for lineage in MIGRATING
        if lineage in present
        for c in where
    ]
    special = {row[0] for row in rows} | set(core) | set(RED_CELL) | set(Y_GENES) | {"XIST", "CD52"}
    free = np.flatnonzero(~(source.genes.isin(list(special)) | source.genes.str.startswith("MT-")))
    n_changed = round(settings.de_fraction * len(source.genes))
    for lineage in present:
        changed = rng.choice(free, 2 * n_changed, replace=False)
        signs = rng.choice([-1.0, 1.0], 2 * n_changed)
        for kind, part, size in (
            ("de_common", slice(0, n_changed), 1.0),
            ("de_interaction", slice(n_changed, None), 0.0 if everywhere else 1.5),
        ):
            where = compartments if kind == "de_common" else compartments[:1]
            rows += [
                (source.genes[gene], lineage, c, sign * size, kind)
                for gene, sign in zip(changed[part], signs[part], strict=True)
                for c in where
                if size
            ]
    expression = pd.DataFrame(rows, columns=columns)
    return expression.drop_duplicates(["gene", "lineage", "compartment"], keep="first"), edges


def add_log2fc(edges, expression, compartment):
    """``edges`` with ``ligand_log2fc, receptor_log2fc`` in a compartment; of a complex, that of the least subunit."""
    rows = expression[expression["compartment"] == compartment]
    change = rows.set_index(["gene", "lineage"])["log2fc"].to_dict()
    ends = {
        f"{role}_log2fc": [
            min(change.get((gene, lineage), 0.0) for gene in genes.split("_"))
            for genes, lineage in zip(edges[role], edges[end], strict=True)
        ]
        for role, end in (("ligand", "source"), ("receptor", "target"))
    }
    return edges.assign(**ends)


def plan_donors(settings):
    """Donors with condition, sex and batch; sexes alternate and batches are balanced over the conditions."""
    check_arms(settings.n_condition, settings.n_reference)
    rows = []
    for condition, n in ((settings.condition, settings.n_condition), (settings.reference, settings.n_reference)):
        for i in range(n):
            rows.append(
                {
                    "donor": f"D{len(rows) + 1:02d}",
                    "condition": condition,
                    "sex": "FM"[i % 2],
                    "batch": f"batch{(i // 2 if n > settings.batches else i) % settings.batches + 1}",
                }
            )
    donors = pd.DataFrame(rows)
    for name, value in (("traumatic_tap", settings.traumatic_tap), ("outlier", settings.outlier)):
        if value and value not in set(donors["donor"]):
            raise UserError(f"--{name} '{value}' is not a donor; the donors are {', '.join(donors['donor'])}")
    return donors


def plan_samples(rng, settings, donors, base, effects):
    """Abundances and numbers of cells.

    Returns
    -------
    samples : DataFrame
        ``sample, donor, compartment, condition, sex, batch, cells_per_ul`` (measured), ``n_cells`` (captured),
        ``admixture`` (share of blood cells in a traumatic tap).
    abundance : DataFrame, samples x lineages
        True proportions of what is captured.
    """
    lineages = list(base.index)
    donor_effects = rng.normal(0, settings.sd_donor, (len(donors), len(lineages)))
    donor_effects[(donors["donor"] == settings.outlier).to_numpy()] *= 3
    samples, rows = [], []
    for i, donor in enumerate(donors.itertuples(index=False)):
        own = {}
        for compartment in base.columns:
            change = effects[compartment].to_numpy() if donor.condition == settings.condition else 0.0
            shift = donor_effects[i] + rng.normal(0, settings.sd_sample, len(lineages)) + change * np.log(2)
            own[compartment] = base[compartment].to_numpy() / base[compartment].sum() * np.exp(shift)
        for compartment, absolute in own.items():
            total = absolute.sum()
            proportions, admixture = absolute / total, 0.0
            if donor.donor == settings.traumatic_tap and compartment == base.columns[0]:
                admixture, reference = 0.15, own[base.columns[-1]]
                proportions = (1 - admixture) * proportions + admixture * reference / reference.sum()
            # a lab loads what it has: a depleted sample gives somewhat fewer cells, of more volume
            captured = settings.cells[compartment] * total**0.1 * rng.lognormal(0, 0.1)
            samples.append(
                {
                    "sample": f"{donor.donor}_{compartment}",
                    "donor": donor.donor,
                    "compartment": compartment,
                    "condition": donor.condition,
                    "sex": donor.sex,
                    "batch": donor.batch,
                    "cells_per_ul": CELLS_PER_UL.get(compartment, 1000.0) * total * rng.lognormal(0, settings.sd_total),
                    "n_cells": max(int(captured), 20),
                    "admixture": admixture,
                }
            )
            rows.append(proportions)
    samples = pd.DataFrame(samples)
    return samples, pd.DataFrame(rows, index=samples["sample"].to_numpy(), columns=lineages)


class Noise:
    """Factors on expression that are not the condition: donor, sample, batch, compartment and sex.

    Each is drawn from its own stream, so that the two samples of a donor share the donor's factors and any sample can
    be made alone.
    """

    def __init__(self, settings, source, compartments):
        self.settings, self.genes, self.lineages = settings, source.genes, source.lineages
        self.female_off = source.genes.isin(Y_GENES)
        self.male_off = source.genes == "XIST"
        rng = np.random.default_rng([settings.seed, 2])
        n = len(source.genes)
        self.compartment = {
            name: rng.normal(0, settings.sd_compartment, n) * (rng.random(n) < 0.3) if i else np.zeros(n)
            for i, name in enumerate(reversed(compartments))
        }
        self.batch = {f"batch{i + 1}": rng.normal(0, settings.sd_batch, n) for i in range(settings.batches)}

    def factors(self, sample, donor_number, sample_number):
        """Array lineages x genes for one row of the samples table."""
        shape, settings = (len(self.lineages), len(self.genes)), self.settings
        wild = 3.0 if sample.donor == settings.outlier else 1.0
        donor = np.random.default_rng([settings.seed, 3, donor_number]).normal(
            0, settings.sd_expression_donor * wild, shape
        )
        own = np.random.default_rng([settings.seed, 4, sample_number]).normal(0, settings.sd_expression_sample, shape)
        factors = np.exp(donor + own + self.batch[sample.batch] + self.compartment[sample.compartment])
        factors[:, self.female_off if sample.sex == "F" else self.male_off] = 0.0
        return factors


def condition_factors(expression, source, compartment=None):
    """Array lineages x genes of 2^log2fc; without ``compartment`` the highest factor anywhere, at least 1."""
    rows = expression if compartment is None else expression[expression["compartment"] == compartment]
    log2fc = np.zeros((len(source.lineages), len(source.genes)))
    place = (
        pd.Index(source.lineages).get_indexer(rows["lineage"]),
        source.genes.get_indexer(rows["gene"]),
    )
    if compartment is None:
        np.maximum.at(log2fc, place, rows["log2fc"].to_numpy(float))
    else:
        log2fc[place] = rows["log2fc"].to_numpy(float)
    return 2.0**log2fc


def draw_soup(rng, profile, n, soup_umi):
    """Ambient counts of ``n`` droplets, n x genes CSR: Poisson around a log-normal capture, genes from ``profile``."""
    totals = rng.poisson(rng.lognormal(np.log(soup_umi), 0.25, n))
    cumulative = np.cumsum(profile)
    genes = np.searchsorted(cumulative, rng.random(totals.sum()) * cumulative[-1], side="right")
    droplets = np.repeat(np.arange(n), totals)
    counts = sparse.coo_array((np.ones(len(genes), np.int32), (droplets, genes)), shape=(n, len(profile)))
    return counts.tocsr()


def add_red_cells(profile, genes, share):
    """``profile`` with haemoglobin making up ``share`` more of it."""
    red = genes.map(RED_CELL).to_numpy(float, na_value=0.0)
    if red.sum() == 0:
        return profile
    return (1 - share) * profile + share * red / red.sum()


def draw_barcodes(rng, n):
    """``n`` different barcodes of 16 bases with suffix ``-1``, sorted."""
    codes = rng.integers(0, 4**16, int(n * 1.01) + 100, dtype=np.uint64)
    codes = rng.permutation(np.unique(codes))[:n]
    digits = (codes[:, None] >> np.arange(30, -2, -2, dtype=np.uint64)) & np.uint64(3)
    text = np.frombuffer(b"ACGT", np.uint8)[digits.astype(int)].view("S16").ravel()
    return np.sort(np.char.add(text.astype(str), "-1"))


@dataclass(frozen=True)
class Sample:
    """Droplets of one sample with their truth.

    Attributes
    ----------
    barcodes : array of str, all droplets, sorted
    counts : CSR, droplets x genes
        What the machine sees.
    cells : DataFrame
        Truth of the cell-containing droplets: ``barcode, lineage, doublet, partner_lineage, dying``, in barcode order.
    native, ambient : CSR, cells x genes
        Their sum is the counts of these droplets.
    soup : array over genes
        Profile of the ambient RNA.
    """

    barcodes: np.ndarray
    counts: sparse.csr_array
    cells: pd.DataFrame
    native: sparse.csr_array
    ambient: sparse.csr_array
    soup: np.ndarray


def draw_sample(rng, settings, source, proportions, n_cells, noise, effect, ceiling, red_cell_soup):
    """One sample: cells, dying cells, doublets, soup, empty droplets.

    Parameters
    ----------
    proportions : Series over lineages
    noise, effect, ceiling : arrays, lineages x genes
        See :class:`Noise` and :func:`condition_factors`.

    Returns
    -------
    Sample
    """
    lineages = list(proportions.index)
    p = proportions.to_numpy() / proportions.sum()
    n_doublets = round(settings.doublet_rate * n_cells / 1000 * n_cells)
    drawn = rng.choice(len(lineages), n_cells + n_doublets, p=p)
    order = np.argsort(drawn, kind="stable")
    rows = {lineage: i for i, lineage in enumerate(source.lineages)}
    blocks = []
    for index, n in zip(*np.unique(drawn, return_counts=True), strict=True):
        row = rows[lineages[index]]
        blocks.append(
            source.draw(rng, lineages[index], int(n), noise[row], effect[row], ceiling[row], settings.mean_umi)
        )
    cells = sparse.vstack(blocks, format="csr")[np.argsort(order, kind="stable")]
    names = np.array(lineages)[drawn]

    dying = rng.random(n_cells) < settings.dying
    native = _let_die(rng, cells[:n_cells], dying, source.genes.str.startswith("MT-"))
    doublet = np.zeros(n_cells, bool)
    partner = np.full(n_cells, "", dtype=object)
    if n_doublets:
        hosts = np.sort(rng.choice(np.flatnonzero(~dying), n_doublets, replace=False))
        doublet[hosts], partner[hosts] = True, names[n_cells:]
        place = sparse.csr_array((np.ones(n_doublets, np.int32), (hosts, np.arange(n_doublets))), (n_cells, n_doublets))
        native = (native + place @ cells[n_cells:]).tocsr()

    soup = np.asarray(cells.sum(axis=0), float).ravel()
    soup = add_red_cells(soup / soup.sum(), source.genes, red_cell_soup)
    ambient = draw_soup(rng, soup, n_cells, settings.soup_umi)
    empty = draw_soup(rng, soup, settings.empties, settings.soup_umi)
    barcodes = draw_barcodes(rng, n_cells + settings.empties)
    position = rng.permutation(len(barcodes))  # droplet i gets the barcode position[i]
    stacked = sparse.vstack([native + ambient, empty], format="csr")[np.argsort(position)]
    at = np.argsort(position[:n_cells])
    truth = pd.DataFrame(
        {
            "barcode": barcodes[position[:n_cells]],
            "lineage": names[:n_cells],
            "doublet": doublet,
            "partner_lineage": partner,
            "dying": dying,
        }
    )
    return Sample(barcodes, stacked, truth.iloc[at].reset_index(drop=True), native[at], ambient[at], soup)


def _let_die(rng, cells, dying, mitochondrial):
    """Dying cells lose cytoplasmic RNA until 15-35 % of what is left is mitochondrial."""
    cells = cells.tocsr()
    target = rng.uniform(0.15, 0.35, cells.shape[0])
    total = np.asarray(cells.sum(axis=1)).ravel()
    mt = np.asarray(cells[:, np.flatnonzero(mitochondrial)].sum(axis=1)).ravel()
    keep = np.where(dying, np.clip(mt * (1 - target) / (target * np.maximum(total - mt, 1)), 0, 1), 1.0)
    # real cells without mitochondrial genes in the table only lose RNA
    keep = np.where(dying & (mt == 0), 0.25, keep)
    chance = np.repeat(keep, np.diff(cells.indptr))
    chance[mitochondrial[cells.indices]] = 1.0
    cells.data = rng.binomial(cells.data, chance).astype(np.int32)
    cells.eliminate_zeros()
    return cells


def write_truth(path, sample, genes, gene_ids):
    """Write the droplets with cells as h5ad: truth in obs, ``layers['native']`` and ``['ambient']``, soup in var."""
    import anndata

    adata = anndata.AnnData(
        obs=sample.cells.set_index("barcode").rename_axis(None).astype({"lineage": str, "partner_lineage": str}),
        var=pd.DataFrame({"gene_id": gene_ids, "soup": sample.soup}, index=list(genes)),
        layers={"native": sparse.csr_matrix(sample.native), "ambient": sparse.csr_matrix(sample.ambient)},
    )
    for frame in (adata.obs, adata.var):
        for column in frame.columns[frame.dtypes.map(pd.api.types.is_string_dtype)]:
            frame[column] = frame[column].astype(object)
        frame.index = frame.index.astype(object)
    with replacing(path) as temporary:
        adata.write_h5ad(temporary, compression="gzip")


def write_cohort(outdir, settings, source, base, effects, gene_sets):
    """Make a cohort, sample by sample, and write it.

    Parameters
    ----------
    outdir : Path
    settings : Settings
    source : ProfileSource or PoolSource
    base : DataFrame, lineages x compartments
        Shares without the condition; the first compartment is where effects differ, the last is the reference.
    effects : DataFrame, lineages x compartments
        log2 change of absolute abundance with the condition.
    gene_sets : dict of lists
        With ``CSF_MIGRATION_CORE`` and ``INTEGRINS_ADHESION``.

    Returns
    -------
    DataFrame
        The samplesheet.
    """
    outdir = Path(outdir)
    truth = outdir / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    base = base.loc[[lineage for lineage in base.index if lineage in source.lineages]]
    effects = effects.reindex(index=base.index, columns=base.columns, fill_value=0.0)
    rng = np.random.default_rng([settings.seed, 1])
    donors = plan_donors(settings)
    samples, proportions = plan_samples(rng, settings, donors, base, effects)
    expression, edges = plan_expression(rng, settings, source, base, effects, gene_sets)
    noise = Noise(settings, source, list(base.columns))
    ceiling = condition_factors(expression, source)
    unchanged = np.ones_like(ceiling)
    changed = {c: condition_factors(expression, source, c) for c in base.columns}

    sheet, cells = [], []
    donor_numbers = {donor: i for i, donor in enumerate(donors["donor"])}
    for number, row in enumerate(samples.itertuples(index=False)):
        red = 0.6 if row.admixture else settings.red_cell_soup.get(row.compartment, 0.05)
        sample = draw_sample(
            np.random.default_rng([settings.seed, 5, number]),
            settings,
            source,
            proportions.loc[row.sample],
            row.n_cells,
            noise.factors(row, donor_numbers[row.donor], number),
            changed[row.compartment] if row.condition == settings.condition else unchanged,
            ceiling,
            red,
        )
        folder = outdir / row.sample
        folder.mkdir(exist_ok=True)
        named = {"genes": source.genes, "gene_ids": source.gene_ids}
        seen = np.asarray(sample.counts.sum(axis=1)).ravel() > 0
        write_10x_h5(folder / "raw_feature_bc_matrix.h5", sample.counts[seen], sample.barcodes[seen], **named)
        write_10x_h5(
            folder / "filtered_feature_bc_matrix.h5", sample.native + sample.ambient, sample.cells["barcode"], **named
        )
        write_truth(truth / f"{row.sample}.h5ad", sample, **named)
        cells.append(
            sample.cells.assign(
                native_umi=np.asarray(sample.native.sum(axis=1)).ravel(),
                ambient_umi=np.asarray(sample.ambient.sum(axis=1)).ravel(),
            )
        )
        cells[-1].insert(0, "sample", row.sample)
        record = {column: getattr(row, column) for column in ("sample", "donor", "compartment", "condition")}
        record["raw"] = f"{row.sample}/raw_feature_bc_matrix.h5"
        if settings.filtered:
            record["filtered"] = f"{row.sample}/filtered_feature_bc_matrix.h5"
        record |= {"expected_cells": row.n_cells, "cells_per_ul": f"{row.cells_per_ul:.4g}", "chemistry": "simulated"}
        if settings.batches > 1:
            record["batch"] = row.batch
        sheet.append(record | {"sex": row.sex, "simulated": "true"})
    sheet = pd.DataFrame(sheet)

    cells = pd.concat(cells, ignore_index=True)
    composition = cells.groupby(["sample", "lineage"], sort=False).size().rename("n_cells").reset_index()
    long = proportions.rename_axis("sample").reset_index().melt("sample", var_name="lineage", value_name="proportion")
    composition = long.merge(composition, how="left", on=["sample", "lineage"]).fillna({"n_cells": 0})
    lineage_effects = effects.assign(interaction=effects.iloc[:, 0] - effects.iloc[:, -1])
    write_tsv(cells, truth / "cells.tsv.gz")
    write_tsv(composition.astype({"n_cells": int}), truth / "composition.tsv")
    write_tsv(samples, truth / "samples.tsv")
    write_tsv(lineage_effects.rename_axis("lineage").reset_index(), truth / "lineage_effects.tsv")
    write_tsv(expression, truth / "expression_effects.tsv")
    write_tsv(expression[expression["kind"].str.startswith("de_")], truth / "de_genes.tsv")
    write_tsv(expression[expression["kind"] == "migration"], truth / "migration_genes.tsv")
    edges = add_log2fc(edges, expression, base.columns[0])
    for kind, name in (("true", "interactions.tsv"), ("decoy", "decoys.tsv")):
        write_tsv(edges[edges["kind"] == kind].drop(columns="kind"), truth / name)
    compartment = pd.DataFrame({c: noise.compartment[c] / np.log(2) for c in base.columns}, index=source.genes)
    write_tsv(compartment.rename_axis("gene").reset_index(), truth / "compartment_effects.tsv")
    write_json(asdict(settings) | {"base": base.to_dict(), "simulated": True}, truth / "study.json")
    with replacing(outdir / "samplesheet.csv") as temporary:
        sheet.to_csv(temporary, index=False, lineterminator="\n")
    return sheet


def draw_reference(settings, source, n_donors=16, cells_per_lineage=10):
    """Clean labelled cells of donors that are not in the cohort, for training a classifier.

    Many donors with few cells each: a classifier that has seen three donors is unsure of the fourth.

    Returns
    -------
    AnnData
        ``X`` int32 counts; obs ``lineage, donor``. No doublets, no dying cells, a little ambient RNA.
    """
    import anndata

    settings = replace(settings, seed=settings.seed + 100_003, batches=1, outlier="")
    noise = Noise(settings, source, ["reference"])
    blocks, obs = [], []
    for donor in range(n_donors):
        rng = np.random.default_rng([settings.seed, 6, donor])
        row = pd.Series({"donor": f"R{donor}", "batch": "batch1", "compartment": "reference", "sex": "FM"[donor % 2]})
        factors = noise.factors(row, donor, donor)
        ones = np.ones(len(source.genes))
        cells = sparse.vstack(
            [
                source.draw(rng, lineage, cells_per_lineage, factors[i], ones, ones, settings.mean_umi)
                for i, lineage in enumerate(source.lineages)
            ],
            format="csr",
        )
        soup = np.asarray(cells.sum(axis=0), float).ravel()
        blocks.append(cells + draw_soup(rng, add_red_cells(soup / soup.sum(), source.genes, 0.1), cells.shape[0], 40))
        labels = np.repeat(source.lineages, cells_per_lineage)
        obs.append(pd.DataFrame({"lineage": labels.astype(object), "donor": f"R{donor + 1}"}))
    obs = pd.concat(obs, ignore_index=True).astype(object)
    obs.index = [f"reference_{i:05d}" for i in range(len(obs))]
    var = pd.DataFrame({"gene_id": np.array(source.gene_ids, dtype=object)}, index=list(source.genes))
    adata = anndata.AnnData(sparse.csr_matrix(sparse.vstack(blocks, format="csr")).astype(np.int32), obs=obs, var=var)
    adata.uns["simulated"] = True
    return adata
