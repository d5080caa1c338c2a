"""Lineages that a user sets by hand, cell by cell or cluster by cluster."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from compartments.core.errors import UserError
from compartments.core.files import read_tsv
from compartments.core.sheets import read_sheet
from compartments.core.vocabulary import GIVEN_LABEL, OF_NO_ONE, UNASSIGNED
from compartments.labels.lineages import broad_lineages, double_meanings, map_labels, states


def apply_overrides(
    labels: pd.DataFrame, barcodes: Collection[str], overrides: pd.DataFrame, lineage_map: pd.DataFrame
) -> int:
    """Replace lineages by the user's; confidence becomes ``override``. Changes ``labels``, returns how many cells."""
    broad = broad_lineages(lineage_map) | {UNASSIGNED: UNASSIGNED}
    positions = pd.Index(barcodes).get_indexer(overrides["barcode"])
    lineage = overrides["lineage"].to_numpy(object)
    for column, values in (
        ("lineage", lineage),
        ("display_label", lineage),
        ("lineage_broad", np.array([broad[name] for name in lineage], object)),
        ("confidence", "override"),
    ):
        labels.loc[positions, column] = values
    labels["marker_agrees"] = (
        labels["marker_lineage"].map(broad_lineages(lineage_map)) == labels["lineage_broad"]
    ).to_numpy()
    return len(positions)


def read_override_table(
    path: str | Path,
    lineage_map: pd.DataFrame,
    clusters: str | Path | None = None,
    samples: Collection[str] | None = None,
    said: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame | None]:
    """An override table, checked as far as that is possible without cells.

    Parameters
    ----------
    path : path
        Table with ``sample, barcode, lineage``, or ``cluster`` in place of ``barcode`` (without ``sample``: in all);
        a lineage may be a label of the map, too. Rows without one, or of a state, are left out.
    clusters : path, optional
        ``umap.tsv.gz`` of the run whose clusters are meant: ``sample, barcode, leiden``.
    samples : sequence of str, optional
        Names that ``sample`` may have.
    said : mapping, label -> lineage, optional
        As of :func:`lineages_of`.

    Returns
    -------
    table : DataFrame, ``sample, barcode, cluster, lineage``; text, empty where not given
    cells : DataFrame or None, ``sample, barcode, leiden`` of ``clusters``

    Raises
    ------
    UserError
        Missing column, a lineage that the map lacks, an unknown sample or cluster, a cluster without a cell of the
        study or of the row's sample, a cell or cluster twice; with the row.
    """
    text = ["sample", "barcode", "cluster", "lineage"]
    table = read_sheet(path, ["sample", "lineage"])
    if not {"barcode", "cluster"} & set(table):
        raise UserError(f"{path}: column 'barcode' is missing; it has {', '.join(table)}")
    table = table.reindex(columns=text).fillna("")
    # of these cells the table says no lineage, as a file's own labels do not (labelled_rows): the model names them
    table = table[(table["lineage"] != "") & ~table["lineage"].isin(states(lineage_map))]
    table["lineage"] = table["lineage"].replace(lineages_of(table["lineage"].unique(), lineage_map, said))
    known = {*broad_lineages(lineage_map), UNASSIGNED}
    by_cluster = table["barcode"] == ""
    _refuse(path, table, "lineage", ~table["lineage"].isin(known), f"is no lineage; one of {', '.join(sorted(known))}")
    _refuse(path, table, "cluster", by_cluster & (table["cluster"] == ""), "is empty, and so is the barcode")
    if samples is not None:
        strange = ~table["sample"].isin(samples) & ~(by_cluster & (table["sample"] == ""))
        _refuse(path, table, "sample", strange, "is no sample of the samplesheet")
    twice = ~by_cluster & table.duplicated(["sample", "barcode"])
    _refuse(path, table, "barcode", twice, "is there twice for the same sample")
    _refuse(path, table, "cluster", by_cluster & table.duplicated(["sample", "cluster"]), "is there twice")
    cells = None
    if by_cluster.any():
        if clusters is None:
            raise UserError(
                f"{path} row {by_cluster.idxmax()}: names a cluster; give the cohort/umap.tsv.gz of the run that "
                "made it with --label_clusters"
            )
        wanted = ["sample", "barcode", "leiden"]
        cells = read_sheet(clusters, wanted, gzipped=True)[wanted].dropna()
        _check_clusters(path, table[by_cluster], cells, Path(clusters).name, samples)
    return table, cells


def _check_clusters(
    path: str | Path, rows: pd.DataFrame, cells: pd.DataFrame, name: str, samples: Collection[str] | None
) -> None:
    """Refuse a row that names no cell of the study: clusters have numbers, which other runs and studies have, too."""
    of_sample = rows["sample"] != ""
    there = pd.MultiIndex.from_frame(cells[["sample", "leiden"]].drop_duplicates())
    here = there if samples is None else there[there.get_level_values("sample").isin(samples)]
    unknown = ~rows["cluster"].isin(there.get_level_values("leiden"))
    _refuse(path, rows, "cluster", unknown, f"is not a cluster of {name}")
    foreign = ~of_sample & ~rows["cluster"].isin(here.get_level_values("leiden"))
    _refuse(path, rows, "cluster", foreign, f"has no cell of this study in {name}; is it of another study?")
    named = pd.MultiIndex.from_frame(rows[["sample", "cluster"]]).isin(there)
    _refuse(path, rows, "cluster", of_sample & ~named, f"has no cell of the row's sample in {name}; remove the row")


def read_overrides(
    path: str | Path,
    sample: str,
    barcodes: Collection[str],
    lineage_map: pd.DataFrame,
    clusters: str | Path | None = None,
    said: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, list[str]]:
    """The rows of an override table that concern one sample.

    Parameters and errors are those of :func:`read_override_table`.

    Returns
    -------
    rows : DataFrame
        ``barcode, lineage`` of cells that are in ``barcodes``. A cell's own row goes before that of its cluster, a
        cluster's row for the sample before one for all samples.
    lost : list of str
        Barcodes that the table or one of its clusters names and the sample lacks: removed by quality control, mistyped,
        or of another run.
    """
    table, cells = read_override_table(path, lineage_map, clusters, said=said)
    by_cluster = table["barcode"] == ""
    rows = table[(table["sample"] == sample) & ~by_cluster]
    lost = rows.loc[~rows["barcode"].isin(barcodes), "barcode"].tolist()
    rows = rows[rows["barcode"].isin(barcodes)]
    if cells is not None:
        named = table[by_cluster & table["sample"].isin([sample, ""])].sort_values("sample", ascending=False)
        named = named.drop_duplicates("cluster")
        cells = cells.loc[cells["sample"] == sample, ["barcode", "leiden"]]
        expanded = cells.merge(named, left_on="leiden", right_on="cluster", suffixes=("", "_"))
        there = expanded["barcode"].isin(barcodes)
        own = expanded["barcode"].isin([*rows["barcode"], *lost])
        lost += expanded.loc[~there & ~own, "barcode"].tolist()
        rows = pd.concat([rows, expanded[there & ~own]])
    return rows[["barcode", "lineage"]].reset_index(drop=True), lost


def rows_given(
    sample: str,
    obs: pd.DataFrame,
    lineage_map: pd.DataFrame,
    table: str | Path | None,
    clusters: str | Path | None,
    said: Mapping[str, str],
) -> tuple[pd.DataFrame, list[str]]:
    """All that the user says of the cells of a sample; what was set by hand goes before what the file says.

    Parameters
    ----------
    sample : str
    obs : DataFrame, index: barcodes
        With the labels of ``--labels_key`` where the file has them.
    lineage_map, clusters, said
        As of :func:`read_override_table`, and the errors.
    table : path or None
        Of labels by hand.

    Returns
    -------
    rows, lost
        As of :func:`read_overrides`.
    """
    rows, lost = pd.DataFrame({"barcode": [], "lineage": []}, dtype=object), list[str]()
    if table:
        rows, lost = read_overrides(table, sample, obs.index, lineage_map, clusters, said)
    if GIVEN_LABEL in obs:
        rows = pd.concat([rows, labelled_rows(obs, lineage_map, said)]).drop_duplicates("barcode")
    return rows, lost


def warn_of_lost(warnings: str, lost: list[str]) -> str:
    """``warnings`` of a sample, and that it lacks the cells ``lost`` which its overrides name."""
    if not lost:
        return warnings
    words = f"{len(lost)} cells of --label_overrides are not in the sample after quality control (first: {lost[0]})"
    return "; ".join(filter(None, [warnings, words]))


def labelled_rows(obs: pd.DataFrame, lineage_map: pd.DataFrame, said: Mapping[str, str] | None = None) -> pd.DataFrame:
    """Rows ``barcode, lineage`` of the cells that the user's file labels (``--labels_key``), as overrides; ``said`` as
    of :func:`lineages_of`. A state (Cycling cells) says no lineage: the model names these cells."""
    named = obs[GIVEN_LABEL].astype(str)
    named = named[(named != "") & ~named.isin(states(lineage_map))]
    lineage = lineages_of(named.unique(), lineage_map, said)
    return pd.DataFrame({"barcode": named.index.astype(str), "lineage": named.map(lineage).to_numpy(object)})


def lineages_of(
    labels: Iterable[str], lineage_map: pd.DataFrame, said: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The lineage of each label that the map places or that is a lineage itself, and ``unassigned`` of words for cells
    that have none; of ``labels`` that are not all of the study those with two meanings are as ``said``
    (:func:`meanings`)."""
    labels = list(labels)
    open_ones = {label: UNASSIGNED for label in labels if label.lower() in OF_NO_ONE}
    mapped = map_labels(labels, lineage_map)["lineage"]
    own = {label: lineage for label, lineage in mapped.items() if pd.notna(lineage)}
    return open_ones | own | dict(said or {}) | {UNASSIGNED: UNASSIGNED}


def meanings(labels: Collection[str], lineage_map: pd.DataFrame) -> pd.DataFrame:
    """What labels with two meanings are taken for, one decision for the study: ``label, lineage``.

    Another label of one sample, cell or table must not change what the label means elsewhere. The others have one
    meaning whatever else there is, so that they are not listed, and change nothing for samples that lack them.

    Parameters
    ----------
    labels : collection of str
        All that the user gives, of all samples: in files (``--labels_key``) and by hand (``--label_overrides``).
    lineage_map : DataFrame
    """
    double = double_meanings(lineage_map)
    found = sorted((label, lineage) for label, lineage in lineages_of(labels, lineage_map).items() if label in double)
    return pd.DataFrame(found, columns=["label", "lineage"])


def read_meanings(path: str | Path | None) -> dict[str, str]:
    """Label -> lineage of a table of :func:`meanings`; empty without one."""
    if not path:
        return {}
    table = read_tsv(path, ["label", "lineage"], ["label", "lineage"])
    return dict(zip(table["label"], table["lineage"], strict=True))


def said_of_table(path: str | Path, lineage_map: pd.DataFrame) -> tuple[set[str], list[str]]:
    """Labels of an override table, and sentences on rows that say no lineage."""
    given = read_sheet(path, ["lineage"])["lineage"]
    labels = set(given.dropna())
    said = said_of_open(labels - {UNASSIGNED}, lineage_map, "column lineage (--label_overrides)")
    if n_empty := int(given.isna().sum()):
        said.append(f"{n_empty} rows of --label_overrides have no lineage: the model names these cells")
    return labels, said


def said_of_open(labels: Iterable[str], lineage_map: pd.DataFrame, place: str) -> list[str]:
    """A sentence on labels of a ``place`` that say no lineage, if there are any."""
    placed = lineages_of(labels, lineage_map)
    ends = {
        "stand as unassigned": sorted(label for label in set(labels) if placed.get(label) == UNASSIGNED),
        "are states, and the model names the cells": sorted(set(labels) & states(lineage_map)),
    }
    return [f"labels {', '.join(map(repr, names))} of {place} {end}" for end, names in ends.items() if names]


def check_given(sample: str, labels: Iterable[str], lineage_map: pd.DataFrame, key: str) -> None:
    """Raise :class:`UserError` if the map has not a label that a sample's file has in column ``key`` of obs."""
    placed = {*lineages_of(labels, lineage_map), *states(lineage_map)}
    unplaced = [label for label in labels if label not in placed]
    if unplaced:
        raise UserError(
            f"sample '{sample}': {len(unplaced)} labels of obs column '{key}' (--labels_key) are not in the lineage "
            f"map (first: '{unplaced[0]}'); add rows with these labels to a copy of the map and give it with "
            "--lineage_map"
        )


def _refuse(path: str | Path, table: pd.DataFrame, column: str, wrong: pd.Series, problem: str) -> None:
    """Raise :class:`UserError` for the first row of ``table`` (index: row in the file) that is wrong."""
    if wrong.any():
        row = wrong.idxmax()
        raise UserError(f"{path} row {row}, column {column}: '{table.loc[row, column]}' {problem}")
