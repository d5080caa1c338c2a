"""What could not be tested and why: a lineage that is missing is not a signal of zero."""

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from compartments.compare.candidates import NOT_LISTED, NOT_NAMED, PARTNERS
from compartments.compare.pair_scores import Scores
from compartments.core.vocabulary import AMBIENT_SHARE_MAX
from compartments.study.study import Study
from compartments.study.terms import terms_of

if TYPE_CHECKING:
    from anndata import AnnData

ASKED = ["contrast", "term", "compartment"]
COLUMNS = ["kind", *ASKED, "sample", "lineage", "source", "target", "gene", "n_edges", "reason"]
ORDER = ["lost_lineage", "ambient", "not_listed", "not_named", "few_donors", "few_cells", "unknown_gene"]
Row = dict[str, Any]


def list_untested(
    study: Study,
    pseudobulk: "AnnData",
    scores: Scores,
    unknown: list[str],
    resource: pd.DataFrame,
    effects: pd.DataFrame,
    min_cells: int,
    ambient_share_max: float = AMBIENT_SHARE_MAX,
) -> pd.DataFrame:
    """What could not be tested and why: a lineage that is missing is not a signal of zero.

    Parameters
    ----------
    study : Study
    pseudobulk : AnnData
        As for :func:`score_pseudobulk`.
    scores : Scores
    unknown : sequence of str
        Symbols of the resource that are not among the genes.
    resource : DataFrame
        ``ligand, receptor``.
    effects : DataFrame
        Of :func:`compartments.compare.edges.compare_edges`.
    min_cells : int
    ambient_share_max : float

    Returns
    -------
    DataFrame
        ``kind, contrast, term, compartment, sample, lineage, source, target, gene, n_edges, reason``. Kinds:
        ``few_cells`` (a lineage of a sample), ``unknown_gene`` (``n_edges`` are pairs of the resource), and of edges
        ``lost_lineage``, ``ambient`` (``gene`` in ``lineage``), ``not_listed`` (``gene`` is the pair), ``not_named``
        and ``few_donors``.
    """
    rows = [
        *_few_cells(study, pseudobulk, scores, min_cells),
        *_unknown_genes(unknown, resource),
        *_lost_lineages(study, scores, effects),
        *_ambient(effects, ambient_share_max),
        *_not_listed(effects),
        *_not_named(study, effects),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"n_edges": "Int64"})
    return table.sort_values("kind", key=lambda kind: kind.map(ORDER.index), kind="stable", ignore_index=True)


def _few_cells(study: Study, pseudobulk: "AnnData", scores: Scores, min_cells: int) -> list[Row]:
    rows = []
    n_cells = cast(pd.DataFrame, pseudobulk.obs).set_index(["sample", "lineage"])["n_cells"].to_dict()
    compartments = study.samples.set_index("sample")["compartment"]
    for i, k in np.argwhere(~scores.valid):
        sample, lineage = scores.samples[i], scores.lineages[k]
        reason = f"{n_cells.get((sample, lineage), 0)} cells, fewer than {min_cells}: its edges are missing, not zero"
        row = {"kind": "few_cells", "compartment": compartments[sample], "sample": sample, "lineage": lineage}
        rows.append(row | {"reason": reason})
    return rows


def _unknown_genes(unknown: list[str], resource: pd.DataFrame) -> list[Row]:
    symbols = [set(f"{ligand}_{receptor}".split("_")) for ligand, receptor in resource.to_numpy()]
    reason = "not among the genes of the counts: its pairs are left out"
    return [
        {"kind": "unknown_gene", "gene": gene, "n_edges": sum(gene in members for members in symbols), "reason": reason}
        for gene in unknown
    ]


def _lost_lineages(study: Study, scores: Scores, effects: pd.DataFrame) -> list[Row]:
    rows = []
    having = _donors_having(study, scores)
    lost = effects[~effects["status"].isin(["tested", "ambient", NOT_LISTED, NOT_NAMED])]
    for (*asked, status, source, target), edges in lost.groupby([*ASKED, "status", "source", "target"], sort=False):
        kind, reason = "few_donors", "no donor of an arm has both lineages in all samples that are compared"
        if status != "not_testable":
            sides = [
                f"{side}: "
                + ", ".join(f"{k} in {having[*asked, side, k]} donors" for k in dict.fromkeys((source, target)))
                for side in (word.removeprefix("absent_in_") for word in status.split(","))
            ]
            kind, reason = "lost_lineage", f"{'; '.join(sides)}: the loss explains the edges"
        row = dict(zip(ASKED, asked, strict=True)) | {"source": source, "target": target, "n_edges": len(edges)}
        rows.append(row | {"kind": kind, "reason": reason})
    return rows


def _ambient(effects: pd.DataFrame, ambient_share_max: float) -> list[Row]:
    rows = []
    ambient = effects[effects["status"] == "ambient"]
    for role, end in PARTNERS.items():
        high = ambient[ambient[f"{role}_ambient"] > ambient_share_max]
        for (*asked, lineage, gene), edges in high.groupby([*ASKED, end, role], sort=False):
            share = edges[f"{role}_ambient"].max()
            reason = f"{role}: {share:.0%} of its counts were ambient, more than {ambient_share_max:.0%}"
            row = dict(zip(ASKED, asked, strict=True)) | {"lineage": lineage, "gene": gene, "n_edges": len(edges)}
            rows.append(row | {"kind": "ambient", "reason": reason})
    return rows


def _not_listed(effects: pd.DataFrame) -> list[Row]:
    keys = [*ASKED, "ligand", "receptor"]
    reason = "the files of some samples do not list a gene of the pair (cohort/genes.tsv): not counted is not zero"
    return [
        dict(zip(ASKED, asked, strict=True))
        | {"kind": NOT_LISTED, "gene": f"{ligand}, {receptor}", "n_edges": len(edges), "reason": reason}
        for (*asked, ligand, receptor), edges in effects[effects["status"] == NOT_LISTED].groupby(keys, sort=False)
    ]


def _not_named(study: Study, effects: pd.DataFrame) -> list[Row]:
    rows = []
    edges = effects[effects["status"] == NOT_NAMED]
    for (*asked, source, target), those in edges.groupby([*ASKED, "source", "target"], sort=False):
        keys = dict(zip(ASKED, asked, strict=True))
        why = study.named_by_one(keys["compartment"])["lineage"]
        reason = "; ".join(f"{name}: {why[name]}" for name in dict.fromkeys((source, target)) if name in why)
        ends = {"source": source, "target": target, "n_edges": len(those)}
        rows.append({"kind": NOT_NAMED} | keys | ends | {"reason": reason})
    return rows


def _donors_having(study: Study, scores: Scores) -> dict[tuple[str, ...], str]:
    """(contrast, term, compartment, side, lineage) -> "2 of 4", donors that have the lineage there."""
    numbers = {}
    for term in terms_of(study, scores.samples):
        for name, (side, parts) in term.sides().items():
            having = scores.having(side, parts)
            for lineage, n in zip(scores.lineages, having.sum(0), strict=True):
                numbers[*term.keys.values(), name, lineage] = f"{n} of {len(having)}"
    return numbers
