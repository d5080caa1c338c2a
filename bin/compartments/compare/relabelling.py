"""Relabelled donors: what a study claims of arms that do not differ.

Donors get conditions anew, as large a share of each true arm in both new ones as whole numbers allow, so that an effect
of the condition is in neither. What is still claimed of them is in error: a check of the error rate of this study, with
its donors, depths and lineages, and not a p-value of what it found.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import comb, gcd

import numpy as np
import pandas as pd

from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import ALPHA, CLAIMABLE
from compartments.study.arms import of_numbers
from compartments.study.study import Contrast, Study

TRUE = "condition before relabelling"  # a covariate
MIN_DONORS = 3  # of each arm, from which a study is checked without being asked
LEAST_DONORS = 2  # of each arm, if asked
WORK, FEWEST, MOST = 12_000, 20, 60  # donors x lineages x relabellings, and the limits of their number
# claim -> largest share of relabellings that may have one; of single p-values their number is expected
CLAIMS = {
    "p_below_05": np.nan,
    "q_below_05": ALPHA,
    "depleted_or_increased_both": ALPHA,
    "discordant_or_maintained": ALPHA,
    "uncoupled": ALPHA,
}
KINDS = {
    "depleted_or_increased_both": "depleted_both|increased_both",
    "discordant_or_maintained": "discordant_|maintained_",
}
SETTINGS = ("cv_total", "equiv_margin", "reference_lineages", "relative_reference")  # of composition.json
Claims = Callable[[Study], pd.DataFrame]


@dataclass(frozen=True)
class Level:
    """Donors among whom labels are exchanged: those with ``condition``, those with ``reference``, the new condition."""

    condition: tuple[str, ...]
    reference: tuple[str, ...]
    size: int

    def ways(self) -> list[float]:
        """In how many ways 0, 1, ... of its donors with the condition keep it."""
        kept = range(min(self.size, len(self.condition)) + 1)
        return [float(comb(len(self.condition), k) * comb(len(self.reference), self.size - k)) for k in kept]


@dataclass(frozen=True)
class Scheme:
    """How the donors of one contrast are relabelled.

    Attributes
    ----------
    levels : tuple of Level
        One for each combination of levels of the categorical covariates.
    kept : int
        Donors with the condition that keep it, over all levels.
    """

    levels: tuple[Level, ...]
    kept: int

    @property
    def arms(self) -> tuple[int, int]:
        """Donors of the new arms."""
        size = sum(level.size for level in self.levels)
        return size, sum(len(level.condition + level.reference) for level in self.levels) - size

    @property
    def effect_left(self) -> float:
        """Share of an effect of the condition by which the new arms still differ; 0 where they are balanced."""
        (new, other), treated = self.arms, sum(len(level.condition) for level in self.levels)
        return abs(self.kept / new - (treated - self.kept) / other)

    def possible(self) -> float:
        """Number of relabellings."""
        ways = np.ones(1)
        for level in self.levels:
            ways = np.convolve(ways, level.ways())
        return float(ways[self.kept])

    def described(self, most: int) -> dict[str, float | bool]:
        """Columns of ``calibration.tsv`` on the relabellings, of which at most ``most`` are made."""
        (new, other), possible = self.arms, self.possible()
        known = {"n_possible": possible, "exact": possible <= most, "effect_left": self.effect_left}
        return known | {"n_condition": new, "n_reference": other}

    def relabellings(self, most: int, seed: int) -> list[frozenset[str]]:
        """Donors that get the condition: in every way if there are at most ``most``, else in so many drawn ones."""
        treated = frozenset(donor for level in self.levels for donor in level.condition)
        if self.possible() <= most:
            choices = [combinations(level.condition + level.reference, level.size) for level in self.levels]
            every = [frozenset().union(*chosen) for chosen in product(*choices)]
            return [donors for donors in every if len(donors & treated) == self.kept and donors != treated]
        rng = np.random.default_rng(seed)
        found: dict[frozenset[str], None] = {}
        while len(found) < most:
            drawn = [rng.permutation(level.condition + level.reference)[: level.size] for level in self.levels]
            donors = frozenset(np.concatenate(drawn).tolist())
            if len(donors & treated) == self.kept and donors != treated:
                found.setdefault(donors)
        return list(found)


def new_size(n_condition: int, n_reference: int) -> int:
    """Donors of the new condition arm, nearest to ``n_condition`` of those that let both hold like shares of the true.

    Arms without a common divisor allow none; then it is ``n_condition``.
    """
    divisor = gcd(n_condition, n_reference)
    sizes = [(n_condition + n_reference) // divisor * k for k in range(1, divisor)]
    return min(sizes, key=lambda size: abs(size - n_condition)) if sizes else n_condition


def scheme_of(study: Study, contrast: Contrast) -> Scheme:
    """How the donors of a contrast are relabelled: within levels of covariates, balanced over the true arms.

    Parameters
    ----------
    study : Study
        Categorical covariates that are constant within donors make levels, each of which keeps its numbers; numbers,
        such as age, and what differs between a donor's samples stay with the samples and are adjusted for.
    contrast : Contrast
    """
    samples = study.samples[study.samples["condition"].isin([contrast.condition, contrast.reference])]
    donors = samples.drop_duplicates("donor").set_index("donor")
    by = [name for name in study.covariates if _makes_levels(samples, name)]
    groups = [group for _, group in donors.groupby(by, sort=False)] if by else [donors]
    levels = []
    for group in groups:
        treated, others = (tuple(group.index[group["condition"] == name]) for name in contrast[1:])
        size = new_size(len(treated), len(others)) if len(groups) == 1 else len(treated)
        levels.append(Level(treated, others, size))
    most = sum(min(level.size, len(level.condition)) for level in levels)
    fewest = sum(max(0, level.size - len(level.reference)) for level in levels)
    share = (donors["condition"] == contrast.condition).mean()
    kept = round(share * sum(level.size for level in levels))
    return Scheme(tuple(levels), min(max(kept, fewest), most))


def _makes_levels(samples: pd.DataFrame, covariate: str) -> bool:
    """True of a covariate of categories that every donor has one of."""
    values = samples[covariate]
    return not of_numbers(values, covariate) and bool((samples.groupby("donor")[covariate].nunique() == 1).all())


def relabelled(study: Study, contrast: Contrast, donors: frozenset[str]) -> Study:
    """The study of one contrast in which these donors have its condition, the others of its arms the reference.

    The true condition becomes a covariate: balance takes its effect out of the difference of the new arms, this takes
    it out of their spread, which would hide errors.
    """
    samples = study.samples.copy()
    in_arms = samples["condition"].isin([contrast.condition, contrast.reference])
    new = np.where(samples["donor"].isin(donors), contrast.condition, contrast.reference)
    samples[TRUE] = samples["condition"].where(in_arms, contrast.reference)
    samples["condition"] = samples["condition"].where(~in_arms, pd.Series(new, samples.index))
    asked = pd.DataFrame([contrast._asdict()])
    return replace(study, samples=samples, contrasts=asked, covariates=[*study.covariates, TRUE])


def how_many(n_donors: int, n_lineages: int) -> int:
    """Relabellings of a study of this size, so that it is checked in about a minute."""
    return int(np.clip(WORK // max(n_donors * n_lineages, 1), FEWEST, MOST))


def claims_of(effects: pd.DataFrame, coupling: pd.DataFrame) -> pd.DataFrame:
    """What is claimed of one study.

    Parameters
    ----------
    effects : DataFrame
        Of :func:`compartments.compare.composition.compare`: one level and contrast.
    coupling : DataFrame
        Of :func:`compartments.compare.coupling.compare` of these effects; empty where nothing can be answered.

    Returns
    -------
    DataFrame
        ``term, compartment, claim, tests, claimed``: how often each of ``CLAIMS`` was asked and made.
    """
    rows: list[dict[str, object]] = []
    tested = effects[effects["p_value"].notna()]
    for (term, compartment), group in tested.groupby(["term", "compartment"], sort=False):
        made = {"p_below_05": group["p_value"] < ALPHA, "q_below_05": group["q_value"] < ALPHA}
        if term == "interaction":
            words = group["call"].fillna("").str.removeprefix("relatively_")
            made |= {claim: words.str.match(kind) for claim, kind in KINDS.items()}
        asked = {"term": term, "compartment": compartment, "tests": len(group)}
        rows += [asked | {"claim": claim, "claimed": int(those.sum())} for claim, those in made.items()]
    for row in coupling.to_dict("records"):
        if row["tier"] in CLAIMABLE:
            asked = {"term": "interaction", "compartment": row["compartment"], "claim": "uncoupled", "tests": 1}
            rows.append(asked | {"claimed": int(row["verdict"] in ("uncoupled", "partly_uncoupled"))})
    return pd.DataFrame(rows, columns=["term", "compartment", "claim", "tests", "claimed"])


def calibrate(study: Study, n_lineages: int, claims: Claims, asked: bool, left_out: LeftOut, seed: int) -> pd.DataFrame:
    """What is claimed, on average, of relabelled donors.

    Parameters
    ----------
    study : Study
        Of the samples that are compared.
    n_lineages : int
    claims : callable
        :func:`claims_of` of a study.
    asked : bool
        Two donors of each arm are enough.
    left_out : LeftOut
        Is given the contrasts whose donors cannot be relabelled.
    seed : int
        Of relabellings that are too many to list (:func:`how_many`).

    Returns
    -------
    DataFrame
        Columns as in ``composition/calibration.tsv``; none where no contrast can be checked.
    """
    tables = []
    for row in study.contrasts[list(Contrast._fields)].itertuples(index=False):
        contrast = Contrast(*row)
        scheme = scheme_of(study, contrast)
        why = _too_few(scheme, contrast, LEAST_DONORS if asked else MIN_DONORS)
        most = how_many(sum(scheme.arms), n_lineages)
        chosen = [] if why else scheme.relabellings(most, seed)
        if not chosen:
            why = why or f"no donor can be relabelled within the levels of {', '.join(study.covariates)}"
            left_out.add(f"not calibrated: {why}", contrast=contrast.contrast)
            continue
        made = pd.concat([claims(relabelled(study, contrast, donors)) for donors in chosen])
        tables.append(averaged(made).assign(**scheme.described(most), contrast=contrast.contrast))
    return pd.concat([pd.DataFrame(), *tables], ignore_index=True)


def _too_few(scheme: Scheme, contrast: Contrast, least: int) -> str:
    """Why donors are too few to be relabelled; empty if they are not."""
    arms = {
        contrast.condition: sum(len(level.condition) for level in scheme.levels),
        contrast.reference: sum(len(level.reference) for level in scheme.levels),
    }
    if min(arms.values()) >= least:
        return ""
    there = " and ".join(f"{n} {name}" for name, n in arms.items())
    more = f", or with --calibrate on from {LEAST_DONORS}" if least > LEAST_DONORS else ""
    return f"{there} donors; relabelled from {least} of each{more}"


def averaged(made: pd.DataFrame) -> pd.DataFrame:
    """Mean over relabellings of what :func:`claims_of` counted, beside what is expected.

    Parameters
    ----------
    made : DataFrame
        Of all relabellings, one below the other.

    Returns
    -------
    DataFrame
        ``term, compartment, claim, n_relabellings, n_tests, n_claimed, share_any, n_expected, share_at_most``.
    """
    table = made.assign(any=made["claimed"] > 0).groupby(["term", "compartment", "claim"], sort=False, as_index=False)
    table = table.agg(
        n_relabellings=("tests", "size"),
        n_tests=("tests", "mean"),
        n_claimed=("claimed", "mean"),
        share_any=("any", "mean"),
    )
    expected = (ALPHA * table["n_tests"]).where(table["claim"] == "p_below_05")
    return table.assign(n_expected=expected, share_at_most=table["claim"].map(CLAIMS))
