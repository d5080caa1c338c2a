"""Who signals to whom: networks and heat maps of both arms of one compartment and their difference."""

import numpy as np
import pandas as pd

from compartments.report.figures.matrix import heatmap, network, switched
from compartments.report.figures.style import GREY, Figure
from compartments.report.page import Page, tagged
from compartments.study.study import Contrast


def headline(table: pd.DataFrame) -> str:
    """The network that the figures are about: that of migration where it is there."""
    return "migration" if (table["network"] == "migration").any() else str(table["network"].iloc[0])


def mean_shares(edges: pd.DataFrame, members: list[str], lineages: list[str]) -> pd.DataFrame:
    """Mean over samples of the share of all signalling from each lineage (rows) to each (columns); 0 where none."""
    shares = edges[edges["sample"].isin(members)].groupby(["source", "target"])["share"].mean().unstack()
    return shares.reindex(index=lineages, columns=lineages).fillna(0.0)


def common_lineages(edges: pd.DataFrame, arms: dict[str, list[str]], known: list[str]) -> list[str]:
    """Lineages that at least half of the samples of each arm have."""
    present = edges.groupby(["condition", "source"])["sample"].nunique()
    return [k for k in known if all(2 * present.get((c, k), 0) >= len(samples) for c, samples in arms.items())]


def networks(page: Page, contrast: Contrast, compartment: str) -> list[Figure]:
    """A network and a heat map, each with a menu of the arms and their difference."""
    edges = page.table("interactions/network.tsv")
    if edges is None:
        return []
    kind = headline(edges)
    edges = edges[(edges["network"] == kind) & (edges["compartment"] == compartment)]
    edges = edges[edges["condition"].isin([contrast.condition, contrast.reference])]
    samples = edges.drop_duplicates("sample").set_index("sample")["condition"]
    arms = {c: list(samples.index[samples == c]) for c in (contrast.condition, contrast.reference)}
    common = common_lineages(edges, arms, page.results.lineages())
    if len(common) < 3 or not all(arms.values()):
        return []
    edges = edges[edges["source"].isin(common) & edges["target"].isin(common)]
    drawn = edges.drop_duplicates("sample")["condition"].value_counts()
    edges = edges.assign(share=edges["strength"] / edges.groupby("sample")["strength"].transform("sum"))
    means = {condition: mean_shares(edges, members, common) for condition, members in arms.items()}
    behind = f"the mean of {drawn[contrast.condition]} {contrast.condition} and "
    behind += f"{drawn[contrast.reference]} {contrast.reference} samples, the {len(common)} lineages"
    return _views(page, contrast, compartment, means, kind, behind)


def _views(
    page: Page, contrast: Contrast, compartment: str, means: dict[str, pd.DataFrame], kind: str, behind: str
) -> list[Figure]:
    columns = {f"share in {c}": m.stack() for c, m in means.items()}
    data = pd.DataFrame(columns).assign(difference=lambda t: t.iloc[:, 0] - t.iloc[:, 1]).reset_index()
    data = data[data["source"] != data["target"]]
    difference = f"{contrast.condition} minus {contrast.reference}"
    views = means | {difference: means[contrast.condition] - means[contrast.reference]}
    both = {text: m + m.T for text, m in views.items()}
    widest = [max(m.to_numpy().max() for m in group) for group in ((both[c] for c in means), means.values())]
    node = max(both[c].to_numpy().sum(1).max() / 2 for c in means)
    given, tag = {"kind": kind, "compartment": compartment}, tagged(contrast, compartment)
    network_words = page.words("interactions.network", behind, **given)
    strength_words = page.words("interactions.strength", behind, **given)
    drawn, maps = {}, {}
    for text, shares in views.items():
        arm = text != difference
        largest = (widest[0], node) if arm else (widest[0] / 2, node / 2)
        colour = page.colours.condition.get(text, GREY) if arm else None
        drawn[text] = network(f"network_{tag}", both[text], largest, network_words, data=data, colour=colour)
        percent = 100 * shares.where(~np.eye(len(shares), dtype=bool))
        maps[text] = heatmap(
            f"strength_{tag}",
            percent,
            strength_words,
            label="per cent" if arm else "points",
            data=data,
            symmetric=not arm,
            limit=100 * widest[1] if arm else None,
        )
    return [switched(drawn), switched(maps)]
