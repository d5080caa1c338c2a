"""A results folder, as the report reads it: every part of it is optional."""

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

from compartments.core import dictionary
from compartments.core.contract import MissingColumn
from compartments.core.files import read_json, read_tsv
from compartments.core.matrix import totals
from compartments.core.palette import Palette
from compartments.core.vocabulary import COMBINED, UNASSIGNED
from compartments.findings import names
from compartments.study.study import BETWEEN, MIXED, TREND, Contrast, Study
from compartments.study.terms import Term, terms_of

TEXT = ("sample", "donor", "compartment", "condition", "lineage", "contrast", "left_out", "leiden", "leading")
OF_LINEAGES = ("lineage", "name", "other_name", "marker_of", "likely_lineage", "left_out", "leading")
ENDS = ("source", "target")  # of signalling; elsewhere a source is a file
OF_SETS = ("gene_set", "aspect")
SENTENCES = ("warning", "warnings", "reason", "remark", "note")
COUNTS, EFFECTS = "composition/counts.tsv", "composition/effects.tsv"


def require(columns: Sequence[str], needed: Sequence[str], file: str) -> None:
    """Say which column a table lacks.

    Raises
    ------
    MissingColumn
    """
    missing = [column for column in needed if column not in columns]
    if missing:
        raise MissingColumn(f"{file} has no column '{missing[0]}'")


class Results:
    """A results folder, read when asked; what is not there is ``None``. Lineages and gene sets have their names for
    readers, in every table.

    Parameters
    ----------
    root : path
    rows : list of dict, optional
        The data dictionary; default: ``assets/dictionary.tsv`` beside the package.
    palette : Palette, optional
        Colours and order of lineages that the user gives.

    Attributes
    ----------
    complete : bool
        Its files may be listed, and named as where more is found.
    """

    complete = True

    def __init__(
        self, root: str | Path, rows: list[dict[str, str]] | None = None, palette: Palette | None = None
    ) -> None:
        self.root = Path(root)
        self.palette = palette or Palette()
        self.dictionary = dictionary.load() if rows is None else rows
        self._tables: dict[str, pd.DataFrame | None] = {}

    def table(self, file: str) -> pd.DataFrame | None:
        """A TSV or parquet of the folder, ``None`` if it is missing.

        Raises
        ------
        MissingColumn
            It lacks a column that the dictionary says it has: it is of another version.
        """
        if file not in self._tables:
            path = self.root / file
            if not path.is_file():
                self._tables[file] = None
            elif file.endswith(".parquet"):
                self._tables[file] = self._named(file, pd.read_parquet(path))
            else:
                self._tables[file] = self._named(file, read_tsv(path, text={*TEXT, *self._texts(file)}))
        table = self._tables[file]
        if table is not None:
            require(list(table), self._documented(file), file)
        return table

    def has(self, file: str) -> bool:
        """A file of the folder is there; ``*`` names several."""
        return bool(file) and "*" not in file and (self.root / file).exists()

    def _named(self, file: str, table: pd.DataFrame) -> pd.DataFrame:
        """A table with names for readers."""
        of_lineages = OF_LINEAGES + (ENDS if file.startswith("interactions/") else ())
        for column in table.columns.intersection([*of_lineages, *OF_SETS]):
            known = table[column].dropna().unique()
            if column in OF_SETS:
                told = {name: names.gene_set(name) for name in known if isinstance(name, str)}
            else:
                told = {name: self._lineage_names[name] for name in known if name in self._lineage_names}
            changed = {name: text for name, text in told.items() if name != text}
            if not changed:
                continue
            if isinstance(table[column].dtype, pd.CategoricalDtype):
                table = table.assign(**{column: table[column].cat.rename_categories(changed)})
            else:
                table = table.assign(**{column: table[column].map(lambda name, to=changed: to.get(name, name))})
        return self._worded(table)

    def _worded(self, table: pd.DataFrame) -> pd.DataFrame:
        """A table whose sentences name lineages as readers do."""
        codes = {name: text for name, text in self._lineage_names.items() if name != text}
        pattern = re.compile(rf"(?<!\w)({'|'.join(map(re.escape, sorted(codes, key=len, reverse=True)))})(?!\w)")

        def said(text: Any) -> Any:
            return pattern.sub(lambda found: codes[found[1]], text) if isinstance(text, str) else text

        return table.assign(**{column: table[column].map(said) for column in SENTENCES if column in table})

    def lineage_name(self, name: str) -> str:
        """Name for readers of a lineage as the labels have it."""
        return self._lineage_names.get(name, name)

    @cached_property
    def _lineage_names(self) -> dict[str, str]:
        """Name for readers of every lineage; those that would share one keep their own."""
        path = next(
            (path for file in (COUNTS, EFFECTS) if (path := self.root / file).is_file()), None
        )  # combined: no counts
        counted = [] if path is None else read_tsv(path, text=TEXT).get("lineage", pd.Series(dtype=str))
        told = {
            name: names.lineage(name) for name in dict.fromkeys([*names.LINEAGES, *counted]) if isinstance(name, str)
        }
        shared = pd.Series(told.values()).value_counts()
        return {name: text if shared[text] == 1 else name for name, text in told.items()}

    def _texts(self, file: str) -> list[str]:
        """Columns that are text: names of digits alone stay as they are written, ``001`` and ``1e5``, too."""
        rows = [row for row in self.dictionary if row["type"] == "text" and fnmatchcase(file, row["file"])]
        return [row["column"] for row in rows]

    def _documented(self, file: str) -> list[str]:
        """Columns that a table always has."""
        rows = [row for row in self.dictionary if row["column"] and fnmatchcase(file, row["file"])]
        return [row["column"] for row in rows if not row["need"] and "*" not in row["column"]]

    def usable(self, file: str) -> pd.DataFrame | None:
        """As :meth:`table`, ``None`` also if it is of another version: for what stands outside of sections."""
        try:
            return self.table(file)
        except MissingColumn:
            return None

    def some_columns(self, file: str, columns: list[str], filters: list[tuple[str, str, Any]]) -> pd.DataFrame | None:
        """Rows of a parquet file that meet ``filters``, these columns only; ``None`` if it is missing."""
        path = self.root / file
        if not path.is_file():
            return None
        import pyarrow.parquet

        present = pyarrow.parquet.read_schema(path).names
        require(present, [*columns, *(name for name, _, _ in filters)], file)
        return self._named(file, pd.read_parquet(path, columns=columns, filters=filters))

    def log2_cpm(self, wanted: pd.DataFrame) -> pd.DataFrame | None:
        """Expression in the pseudobulks, log2 counts per million of ambient-corrected counts (half a count added).

        Parameters
        ----------
        wanted : DataFrame
            ``lineage, gene``.

        Returns
        -------
        DataFrame or None
            ``sample, donor, compartment, condition, lineage, gene, n_cells, log2_cpm``; ``None`` without the file.
        """
        path = self.root / "cohort" / "pseudobulk.h5ad"
        if not path.is_file():
            return None
        import h5py
        from anndata.io import read_elem, sparse_dataset

        with h5py.File(path) as file:
            obs, var = (cast(pd.DataFrame, read_elem(file[part])) for part in ("obs", "var"))
            obs = self._named(path.name, obs)
            rows = np.flatnonzero(obs["lineage"].isin(wanted["lineage"]))
            counts: Any = sparse_dataset(file["layers/corrected"])[rows]
        counts = counts.tocsc()
        names = ["sample", "donor", "compartment", "condition", "lineage"]
        obs = obs.iloc[rows][[*names, "n_cells"]].astype(dict.fromkeys(names, str)).reset_index(drop=True)
        total, column = totals(counts, axis=1), {gene: i for i, gene in enumerate(var.index)}
        parts = []
        for lineage, gene in wanted[["lineage", "gene"]].drop_duplicates().itertuples(index=False):
            members = np.flatnonzero(obs["lineage"] == lineage)
            values = counts[:, [column[gene]]].toarray()[members, 0]
            cpm = np.log2((values + 0.5) / (total[members] + 1) * 1e6)
            parts.append(obs.iloc[members].assign(gene=gene, log2_cpm=cpm))
        return pd.concat(parts, ignore_index=True)

    def json(self, file: str) -> dict[str, Any]:
        """A JSON file of the folder, ``{}`` if it is missing."""
        path = self.root / file
        return read_json(path) if path.is_file() else {}

    def summaries(self, step: str, needed: Sequence[str] = ()) -> pd.DataFrame | None:
        """``samples/<sample>/<sample>.<step>.json`` of all samples: one row each, single values only; or ``None``.

        Raises
        ------
        MissingColumn
            No sample has one of the ``needed`` values.
        """
        rows = []
        for sample in self.sample_names:
            values = self.json(f"samples/{sample}/{sample}.{step}.json")
            if values:
                rows.append({k: v for k, v in values.items() if not isinstance(v, list | dict)})
        if not rows:
            return None
        table = pd.DataFrame(rows)
        require(list(table), needed, f"samples/*/*.{step}.json")
        return self._worded(table)

    def curves(self, step: str, x: str, y: str) -> dict[str, tuple[list[float], list[float]]]:
        """Lists ``x`` and ``y`` of the samples' JSON summaries: sample -> (x, y)."""
        found = {}
        for sample in self.sample_names:
            values = self.json(f"samples/{sample}/{sample}.{step}.json")
            if values.get(x) and values.get(y):
                found[sample] = (values[x], values[y])
        return found

    @cached_property
    def cohorts(self) -> dict[str, list[str]]:
        """Cohorts that were taken together, and the covariates of each; none of a study by itself."""
        return dict(self.json(COMBINED).get("covariates", {}))

    def limits(self) -> pd.DataFrame | None:
        """What each quality limit removed, of all samples."""
        tables = [self.table(f"samples/{s}/{s}.qc.tsv") for s in self.sample_names]
        known = [table for table in tables if table is not None]
        return pd.concat(known, ignore_index=True) if known else None

    @cached_property
    def sample_names(self) -> list[str]:
        """Samples in samplesheet order, then folders that the samplesheet does not name."""
        known = list(self.study.samples["sample"]) if self.study else []
        folder = self.root / "samples"
        return known + sorted(p.name for p in folder.glob("*") if p.is_dir() and p.name not in known)

    @cached_property
    def study(self) -> Study | None:
        """The study from ``study.json``, else from ``samples.tsv`` and ``design.tsv``, else ``None``."""
        if (self.root / "study.json").is_file():
            return Study.load(self.root / "study.json")
        samples, design = self.usable("samples.tsv"), self.usable("design.tsv")
        if samples is None or design is None:
            return None
        # a term whose donors all have both conditions is one of donors as their own controls in a mixed contrast, too
        named = design.reindex(columns=Contrast._fields).fillna({"kind": BETWEEN, "group": "", "group_reference": ""})
        named = named.sort_values("kind", key=lambda kind: kind != MIXED, kind="stable")
        contrasts = named.drop_duplicates("contrast").sort_index(ignore_index=True)
        # the order of conditions is not known here
        contrasts = contrasts[contrasts["kind"] != TREND]
        reference = design["reference_compartment"].dropna()
        base = reference.iloc[0] if len(reference) else samples["compartment"].iloc[0]
        return Study(samples, base, contrasts, [], [])

    @property
    def analysed(self) -> pd.DataFrame | None:
        """Rows of the samplesheet whose samples are in the cohort, by ``composition/counts.tsv``; all without it."""
        if self.study is None:
            return None
        counts, samples = self.usable(COUNTS), self.study.samples
        return samples if counts is None else samples[samples["sample"].isin(counts["sample"])]

    @property
    def simulated(self) -> bool:
        """True if the samplesheet marks any sample as simulated."""
        if self.study is None or "simulated" not in self.study.samples:
            return False
        return bool(self.study.samples["simulated"].astype(str).str.lower().isin(["true", "1", "yes"]).any())

    @cached_property
    def terms(self) -> list[Term]:
        """Every question to the donors, in the order of the study."""
        return [] if self.study is None else list(terms_of(self.study.of_specimens()))

    def comparisons(self) -> list[Contrast]:
        """All contrasts of the study."""
        return [] if self.study is None else list(self.study.asked())

    def lineages(self) -> list[str]:
        """All lineages: as the user orders them, else by abundance, ``other`` and ``unassigned`` last."""
        counts = self.usable(COUNTS)
        if counts is None:
            return []
        rows = counts[counts["level"] == "lineage"].groupby("lineage")["n_cells"].sum().sort_values(ascending=False)
        return self.palette.ordered(sorted(rows.index, key=lambda name: name in ("other", UNASSIGNED)))
