"""What all steps left out, as one table."""

from collections.abc import Iterable, Mapping


def joined(rows: Iterable[Mapping[str, str]], samples: Iterable[str]) -> list[dict[str, str]]:
    """Rows of all steps, each once: those of samples in the order of the study, then the others.

    Parameters
    ----------
    rows : iterable of mapping
        ``stage, sample, lineage, contrast, reason``.
    samples : iterable of str
        Samples of the study.
    """
    order = {sample: number for number, sample in enumerate(samples)}
    every = [dict(row) for row in rows]
    # merge_samples can only say that files are missing: the step that lost the sample says why
    lost = {row["sample"] for row in every if row["stage"] != "merge_samples" and not row["lineage"]}
    kept = [row for row in every if row["sample"] not in lost or "by an earlier step" not in row["reason"]]
    unique = {tuple(row.values()): row for row in kept}.values()
    return sorted(unique, key=lambda row: (order.get(row["sample"], len(order)), *row.values()))
