"""Who signals to whom: networks and heat maps of both arms of one compartment and their difference."""

import numpy as np
import pandas as pd

from compartments.report.figures.matrix import heatmap, network, switched
from compartments.report.figures.style import GREY, Figure
from compartments.report.page import Page, tagged
from compartments.study.study import CHANGE, TREND
from compartments.study.terms import Term


def headline(table: pd.DataFrame) -> str:
    """The network that the figures are about: that of migration where it is there."""
    return "migration" if (table["network"] == "migration").any() else str(table["network"].iloc[0])


def mean_shares(edges: pd.DataFrame, members: list[str], lineages: list[str]) -> pd.DataFrame:
    """Mean over samples of the share of all signalling from each lineage (rows) to each (columns); 0 where none."""
    shares = edges[edges["sample"].isin(members)].groupby(["source", "target"])["share"].mean().unstack()
    return shares.reindex(index=lineages, columns=lineages).fillna(0.0)


def common_lineages(edges: pd.DataFrame, arms: dict[str, list[str]], known: list[str]) -> list[str]:
    """Lineages that at least half of the samples of each arm have."""
    present = {arm: edges[edges["sample"].isin(samples)] for arm, samples in arms.items()}
    has = {arm: rows.groupby("source")["sample"].nunique() for arm, rows in present.items()}
    return [k for k in known if all(2 * has[arm].get(k, 0) >= len(samples) for arm, samples in arms.items())]


def networks(page: Page, term: Term) -> list[Figure]:
    """A network and a heat map, each with a menu of both conditions (or compartments) and their difference.

    Those of a trend, or of a change of change, are shown with the contrasts of the conditions.
    """
    edges = page.table("interactions/network.tsv")
    if edges is None or term.kind in (CHANGE, TREND):
        return []
    kind = headline(edges)
    edges = edges[edges["network"] == kind]
    arms = arms_of(edges, term)
    edges = edges[edges["sample"].isin([sample for samples in arms.values() for sample in samples])]
    common = common_lineages(edges, arms, page.results.lineages())
    if len(common) < 3 or not all(arms.values()):
        return []
    edges = edges[edges["source"].isin(common) & edges["target"].isin(common)]
    edges = edges.assign(share=edges["strength"] / edges.groupby("sample")["strength"].transform("sum"))
    edges = edges[edges["share"].notna()]  # a sample without signalling between them has no shares
    drawn = {arm: edges.loc[edges["sample"].isin(members), "sample"].nunique() for arm, members in arms.items()}
    if not all(drawn.values()):
        return []
    means = {arm: mean_shares(edges, members, common) for arm, members in arms.items()}
    behind = f"the mean of {' and '.join(f'{n} {arm}' for arm, n in drawn.items())} samples, "
    return _views(page, term, means, kind, f"{behind}the {len(common)} lineages")


def arms_of(edges: pd.DataFrame, term: Term) -> dict[str, list[str]]:
    """Samples with a network of the two conditions in the compartment, or of the two compartments, of the donors that
    count."""
    there = set(edges["sample"])
    return {arm: [sample for sample in samples if sample in there] for arm, samples in term.samples.items()}


def _views(page: Page, term: Term, means: dict[str, pd.DataFrame], kind: str, behind: str) -> list[Figure]:
    columns = {f"share in {c}": m.stack() for c, m in means.items()}
    data = pd.DataFrame(columns).assign(difference=lambda t: t.iloc[:, 0] - t.iloc[:, 1]).reset_index()
    data = data[data["source"] != data["target"]]
    first, second = means
    difference = f"{first} minus {second}"
    views = means | {difference: means[first] - means[second]}
    both = {text: m + m.T for text, m in views.items()}
    widest = [max(m.to_numpy().max() for m in group) for group in ((both[c] for c in means), means.values())]
    node = max(both[c].to_numpy().sum(1).max() / 2 for c in means)
    tag = tagged(term.contrast, term.compartment)
    network_words = page.words("interactions.network", behind, term, kind=kind)
    strength_words = page.words("interactions.strength", behind, term, kind=kind)
    colours = page.colours.compartment | page.colours.condition
    drawn, maps = {}, {}
    for text, shares in views.items():
        arm = text != difference
        largest = (widest[0], node) if arm else (widest[0] / 2, node / 2)
        colour = colours.get(text, GREY) if arm else None
        drawn[text] = network(f"network_{tag}", both[text], largest, network_words, data=data, colour=colour)
        percent = 100 * shares.where(~np.eye(len(shares), dtype=bool))
        maps[text] = heatmap(
            f"strength_{tag}",
            percent,
            strength_words,
            label="per cent" if arm else "percentage points",
            data=data,
            symmetric=not arm,
            limit=100 * widest[1] if arm else None,
        )
    return [switched(drawn), switched(maps)]
