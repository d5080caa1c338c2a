"""What the samples and the user bring to the comparison of interactions: networks of all samples, groups of pairs."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from compartments.cohort.specimens import averaged
from compartments.core.errors import UserError
from compartments.core.files import read_tsv
from compartments.core.left_out import LeftOut
from compartments.study.study import Study

OF_SAMPLE = ["donor", "compartment", "condition"]
TEXT = ("sample", "network", "lineage", "source", "target")


def check_groups(
    further: Mapping[str, npt.NDArray[np.bool_]],
    migration: Mapping[str, npt.NDArray[np.bool_]],
    path: str,
    left_out: LeftOut,
) -> None:
    """Refuse a group of the user's that has the name of a group of migration pairs; name those without a pair."""
    for name, members in further.items():
        if name in migration:
            raise UserError(f"{path}: group '{name}' is a group of migration pairs already; rename it")
        if not members.any():
            left_out.add(f"group '{name}' of {path}: none of its pairs is in the resource")


def read_samples(paths: Sequence[str], study: Study, columns: Sequence[str], keys: Sequence[str]) -> pd.DataFrame:
    """One table of those of the samples, with ``donor, compartment, condition``, in the order of the study.

    Captures of a specimen are one sample, its values their means.

    Parameters
    ----------
    paths : sequence of path
        ``<sample>.centrality.tsv`` or ``<sample>.network.tsv``.
    study : Study
    columns : sequence of str
        Of the empty table that there is without a path.
    keys : sequence of str
        Columns that tell the rows of a sample apart.
    """
    tables = [read_tsv(path, required=["sample", "network"], text=TEXT) for path in sorted(paths)]
    if not tables:
        return pd.DataFrame(columns=columns)
    table = averaged(pd.concat(tables, ignore_index=True), study.samples, keys)
    order = study.samples["sample"].tolist()
    table = study.samples[["sample", *OF_SAMPLE]].merge(table, on="sample", how="inner")
    return table.sort_values("sample", key=lambda c: c.map(order.index), kind="stable", ignore_index=True)
