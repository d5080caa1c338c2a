"""The tables of several cohorts as those of one, on which the five questions are asked."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from compartments.after.before import Before
from compartments.after.meta import combined
from compartments.compare import coupling
from compartments.compare.calls import with_calls
from compartments.compare.donor_scores import ALL
from compartments.compare.genesets import CALL_Q, add_set_calls
from compartments.compare.hubs import call_hubs
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_tsv
from compartments.core.left_out import LeftOut
from compartments.core.multiple_testing import benjamini_hochberg
from compartments.core.vocabulary import COHORT, EQUIV_MARGIN
from compartments.study.study import Study

STEP = "combine"
OF = ["contrast", "term", "compartment"]
SPREAD = ["tau", "q_statistic", "p_heterogeneity", "i2"]


@dataclass(frozen=True)
class Kind:
    """A table of effects: step that writes it, its keys beside ``OF``, column of its estimate, families of q."""

    step: str
    keys: tuple[str, ...]
    value: str
    family: tuple[str, ...] = ()


TABLES = {
    "composition/effects.tsv": Kind("compare_composition", ("level", "lineage", "scale"), "log2fc", ("level",)),
    "migration/effects.tsv": Kind("score_gene_sets", ("gene_set", "primary", "lineage"), "estimate", ("primary",)),
    "interactions/effects.tsv": Kind("compare_interactions", ("source", "target", "ligand", "receptor"), "log2fc"),
    "interactions/groups.tsv": Kind(
        "compare_interactions", ("group", "source", "target", "level"), "estimate", ("level",)
    ),
    "interactions/centrality_effects.tsv": Kind(
        "compare_interactions", ("network", "lineage"), "estimate", ("network",)
    ),
}


class Whole:
    """Several cohorts together.

    Parameters
    ----------
    cohorts : sequence of Before
        Of :func:`compartments.after.cohorts.check_together`.
    contrasts : sequence of str
        That all have.

    Raises
    ------
    UserError
        There is no table that all have alike.

    Attributes
    ----------
    study : Study
        Samples of all, with the column ``COHORT``.
    tables : dict, place -> DataFrame
        As their steps write them.
    cohorts_of : DataFrame
        What each cohort says of each row.
    spread : DataFrame
        How far the cohorts differ.
    """

    def __init__(self, cohorts: Sequence[Before], contrasts: Sequence[str]) -> None:
        self.cohorts, self.left_out = cohorts, LeftOut(STEP)
        self.names = _names([cohort.root.resolve().name for cohort in cohorts])
        self.study = self._study(contrasts)
        self.margin = float(cohorts[0].parameters.get("equiv_margin") or EQUIV_MARGIN)
        self.tables: dict[str, pd.DataFrame] = {}
        said, spread = [], []
        for place, kind in TABLES.items():
            tables = self._read(place, kind)
            if tables is None:
                continue
            table = combined(tables, [*kind.keys, *OF], kind.value)
            lost = [len(one) - len(table) for one in tables]
            if max(lost):
                each = ", ".join(f"{n} of {name}" for n, name in zip(lost, self.names, strict=True))
                self.left_out.add(f"{place}: rows that not every cohort has with an error are left out ({each})")
            spread.append(_named(table, place, kind)[["table", "feature", *OF, "estimate", "se", "df", *SPREAD]])
            for name, one in zip(self.names, tables, strict=True):
                kept = one.merge(table[[*kind.keys, *OF]], on=[*kind.keys, *OF])
                rows = _named(kept, place, kind).assign(cohort=name)
                said.append(
                    rows[["table", "feature", *OF, "cohort", "estimate", "se", "df", "n_condition", "n_reference"]]
                )
            self.tables[place] = self._finished(place, kind, table.drop(columns=SPREAD), tables)
        if not said:
            reasons = "; ".join(row["reason"] for row in self.left_out.rows)
            raise UserError(f"{', '.join(self.names)}: there is nothing to take together: {reasons}")
        self.cohorts_of = pd.concat(said, ignore_index=True)
        self.spread = pd.concat(spread, ignore_index=True)
        self._calls_and_coupling()

    def _study(self, contrasts: Sequence[str]) -> Study:
        first = self.cohorts[0].study
        parts = [
            cohort.study.samples.assign(**{COHORT: name}) for cohort, name in zip(self.cohorts, self.names, strict=True)
        ]
        samples = pd.concat(parts, ignore_index=True)
        n_cohorts = samples.groupby("compartment", sort=False)[COHORT].nunique()
        for compartment in n_cohorts.index[n_cohorts < len(self.names)]:
            self.left_out.add(f"compartment {compartment}: not every cohort has samples of it")
        samples = samples[samples["compartment"].map(n_cohorts) == len(self.names)].reset_index(drop=True)
        given = samples["sample"]
        named = given.where(~given.duplicated(keep=False), samples[COHORT] + "_" + given)
        samples["sample"] = _free(list(given), list(named))
        samples["row"] = np.arange(1, len(samples) + 1)
        asked = first.contrasts[first.contrasts["contrast"].isin(contrasts)].reset_index(drop=True)
        warnings = [f"results of {len(self.names)} cohorts ({', '.join(self.names)}), taken together by meta-analysis"]
        own = [", ".join(cohort.study.covariates) or "nothing" for cohort in self.cohorts]
        if len(set(own)) > 1:
            each = "; ".join(f"{name} {names}" for name, names in zip(self.names, own, strict=True))
            warnings.append(f"the cohorts' own comparisons are adjusted for different covariates ({each})")
        covariates = [COHORT]
        return replace(first, samples=samples, contrasts=asked, warnings=warnings, covariates=covariates, named={})

    def _read(self, place: str, kind: Kind) -> list[pd.DataFrame] | None:
        """The table of each cohort, of the contrasts that all have; None where one has no such table, or not alike."""
        found = []
        counted = [name for cohort, name in zip(self.cohorts, self.names, strict=True) if cohort.study.absolute]
        if place.startswith("composition") and 0 < len(counted) < len(self.names):
            others = ", ".join(name for name in self.names if name not in counted)
            self.left_out.add(
                f"{place}: {', '.join(counted)} has cells per microlitre (absolute scale) and {others} has not "
                "(relative scale), and changes of the two scales have no mean; leave cells_per_ul out of the "
                "samplesheet of the first and run it again, or give it for every sample of the other"
            )
            return None
        for cohort, name in zip(self.cohorts, self.names, strict=True):
            path = cohort.root / place
            if not path.is_file():
                self.left_out.add(f"{place}: {name} has no such table")
                return None
            table = read_tsv(path, [*kind.keys, *OF, kind.value, "se", "df"])
            found.append(table[table["contrast"].isin(self.study.contrasts["contrast"])])
        return found

    def _finished(self, place: str, kind: Kind, table: pd.DataFrame, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
        """The table with q-values and calls, and all columns that its step writes; what means nothing is empty."""
        primary = (
            table["lineage"].isin(self.study.primary_lineages) if "lineage" in table else pd.Series(False, table.index)
        )
        family = [table[name] for name in (*OF, *kind.family)] + [primary]
        if place.startswith("migration"):
            family.append(table["lineage"] == ALL)
        table["q_value"] = table.groupby(family, sort=False)["p_value"].transform(benjamini_hochberg)
        if place.startswith("migration"):
            table = add_set_calls(table, self.study)
            table["call_q"] = table.groupby(family, sort=False)["call_p"].transform(benjamini_hochberg)
            table["call"] = np.where(table["call_q"] < CALL_Q, table["word"], "")
        elif place.endswith("centrality_effects.tsv"):
            ranks = [one.set_index([*kind.keys, *OF])["worst_rank"] for one in tables]
            rows = pd.MultiIndex.from_frame(table[[*kind.keys, *OF]])
            worst = pd.concat([rank.reindex(rows).reset_index(drop=True) for rank in ranks], axis=1)
            worst = worst.max(axis=1, skipna=False).set_axis(table.index)
            table = call_hubs(table.assign(worst_rank=worst, other_rank=np.nan), self.study)
        elif place.startswith("composition"):
            for name, sign, at in (
                ("p_decrease", 1, 0.0),
                ("p_increase", -1, 0.0),
                ("p_above_margin", -1, -self.margin),
                ("p_below_margin", 1, self.margin),
            ):
                table[name] = stats.t.cdf(sign * (table["log2fc"] - at) / table["se"], table["df"])
            table = table.assign(call="", call_p=np.nan, call_q=np.nan, suggested="", df_residual=table["df"])
        return table.reindex(columns=Contract.of(kind.step).names(place))

    def _calls_and_coupling(self) -> None:
        """Calls of the composition, and whether the compartments move together, of the whole."""
        place = "composition/effects.tsv"
        if place not in self.tables or self.tables[place].empty:
            return
        self.tables[place], calls = with_calls(
            self.tables[place], self.study.reference_compartment, self.study.primary_lineages
        )
        self.tables["composition/calls.tsv"] = calls
        parts = [read_tsv(cohort.root / "composition/donors.tsv", coupling.DONORS) for cohort in self.cohorts]
        donors = pd.concat(parts, ignore_index=True)
        donors = donors[donors["contrast"].isin(self.study.contrasts["contrast"])].reset_index(drop=True)
        self.tables["composition/donors.tsv"] = donors
        table, drivers = coupling.compare(
            self.study.of_specimens(), self.tables[place], donors, self.left_out, self.margin, 1
        )
        contract = Contract.of("compare_coupling")
        for place, found in (("coupling/coupling.tsv", table), ("coupling/drivers.tsv", drivers)):
            # of no two compartments there is not even a column
            self.tables[place] = found if len(found.columns) else pd.DataFrame(columns=contract.names(place))


def _named(table: pd.DataFrame, place: str, kind: Kind) -> pd.DataFrame:
    """Rows with the place of their table and the feature in one column."""
    feature = [" | ".join(map(str, row)) for row in table[list(kind.keys)].itertuples(index=False, name=None)]
    return table.assign(table=place, feature=feature).rename(columns={kind.value: "estimate"})


def _names(given: Sequence[str]) -> list[str]:
    """Names of the cohorts; folders of one name are numbered."""
    numbered = [name if given.count(name) == 1 else f"{name}_{number}" for number, name in enumerate(given, start=1)]
    return _free(given, numbered)


def _free(given: Sequence[str], changed: Sequence[str]) -> list[str]:
    """Names made of others so that each is there once: one that is another's already is numbered."""
    taken, found = set(given), list[str]()
    for name, new in zip(given, changed, strict=True):
        numbered = (f"{new}_{number}" if number > 1 else new for number in itertools.count(1))
        found.append(name if new == name else next(each for each in numbered if each not in taken))
        taken.add(found[-1])
    return found
