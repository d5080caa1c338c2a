"""Relabelled donors: what a study claims of arms that do not differ.

Donors get conditions anew, as large a share of each true arm in both new ones as whole numbers allow, so that an effect
of the condition is in neither; where donors are their own controls, half of them have their conditions exchanged. What
is still claimed of them is in error: a check of the error rate of this study, with its donors, depths and lineages, and
not a p-value of what it found.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from itertools import combinations, product
from math import comb, gcd
from typing import NamedTuple

import numpy as np
import pandas as pd

from compartments.core.left_out import LeftOut
from compartments.core.vocabulary import ALPHA, CLAIMABLE
from compartments.study.study import CHANGE, COMPARTMENTS, TREND, Contrast, Study
from compartments.study.terms import of_numbers, terms_of

TRUE = "condition before relabelling"  # a covariate
MIN_DONORS = 3  # of each arm, from which a study is checked without being asked
LEAST_DONORS = 2  # of each arm, if asked
# where donors are their own controls: five, so that the true condition can be a covariate; four if asked and there are
# no others, of whom two are turned, so that they are balanced without it
MIN_OWN, LEAST_OWN = 5, 4
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
        Of donors with one label: one for each combination of levels of the categorical covariates.
    kept : int
        Donors with the condition that keep it, over all levels.
    own : tuple of str
        Donors with several labels, of whom half, or one less, have them exchanged.
    """

    levels: tuple[Level, ...]
    kept: int
    own: tuple[str, ...] = ()

    @property
    def arms(self) -> tuple[int, int]:
        """Donors of the new arms."""
        size = sum(level.size for level in self.levels)
        others = sum(len(level.condition + level.reference) for level in self.levels) - size
        return size + len(self.own), others + len(self.own)

    @property
    def effect_left(self) -> float:
        """Share of an effect of the condition by which the new arms still differ; 0 where they are balanced."""
        (new, other), treated = self.arms, sum(len(level.condition) for level in self.levels)
        n_own = len(self.own)
        # of the donors with several labels as many units are in either arm, turned or not
        kept, lost = self.kept + n_own - n_own // 2, treated - self.kept + n_own // 2
        return abs(kept / new - lost / other)

    def possible(self) -> float:
        """Number of relabellings."""
        ways = np.ones(1)
        for level in self.levels:
            ways = np.convolve(ways, level.ways())
        return float(ways[self.kept]) * comb(len(self.own), len(self.own) // 2)

    def described(self, most: int) -> dict[str, float | bool]:
        """Columns of ``calibration.tsv`` on the relabellings, of which at most ``most`` are made."""
        (new, other), possible = self.arms, self.possible()
        known = {"n_possible": possible, "exact": possible <= most, "effect_left": self.effect_left}
        return known | {"n_condition": new, "n_reference": other}

    def relabellings(self, most: int, seed: int) -> list[frozenset[str]]:
        """Donors that are turned: in every way if there are at most ``most``, else in so many drawn ones.

        A donor with one label gets the other one, a donor with several has them exchanged.
        """
        treated = frozenset(donor for level in self.levels for donor in level.condition)
        groups = [(level.condition + level.reference, level.size) for level in self.levels]
        groups.append((self.own, len(self.own) // 2))

        def turned(chosen: Iterable[str]) -> frozenset[str]:
            """None where not as many keep the condition as should."""
            donors = frozenset(chosen)
            return donors ^ treated if len(donors & treated) == self.kept else frozenset()

        if self.possible() <= most:
            choices = [combinations(donors, size) for donors, size in groups]
            every = (turned(donor for donors in chosen for donor in donors) for chosen in product(*choices))
            return [donors for donors in every if donors]
        rng = np.random.default_rng(seed)
        found: dict[frozenset[str], None] = {}
        while len(found) < most:
            drawn = [rng.permutation(donors)[:size] for donors, size in groups if donors]
            donors = turned(np.concatenate(drawn).tolist())
            if donors:
                found.setdefault(donors)
        return list(found)


def new_size(n_condition: int, n_reference: int) -> int:
    """Donors of the new condition arm, nearest to ``n_condition`` of those that let both hold like shares of the true.

    Arms without a common divisor allow none; then it is ``n_condition``.
    """
    divisor = gcd(n_condition, n_reference)
    sizes = [(n_condition + n_reference) // divisor * k for k in range(1, divisor)]
    return min(sizes, key=lambda size: abs(size - n_condition)) if sizes else n_condition


class Labels(NamedTuple):
    """What is exchanged between donors, or within them: values of a column, in their order."""

    column: str
    values: list[str]

    @classmethod
    def of(cls, study: Study, contrast: Contrast) -> "Labels":
        """Groups, compartments, conditions in their order, or the two conditions."""
        if contrast.kind == CHANGE:
            return cls("group", [contrast.group, contrast.group_reference])
        named = [contrast.condition, contrast.reference]
        if contrast.kind == COMPARTMENTS:
            return cls("compartment", named)
        return cls("condition", list(study.order) if contrast.kind == TREND else named)


def counted(study: Study, contrast: Contrast) -> pd.DataFrame:
    """Samples of a contrast's labels of the donors that some term of it compares."""
    asked = replace(study, contrasts=pd.DataFrame([contrast._asdict()]))
    donors = {donor for term in terms_of(asked) for donor in term.units.loc[term.in_arms(), "donor"]}
    column, values = Labels.of(study, contrast)
    return study.samples[study.samples["donor"].isin(donors) & study.samples[column].isin(values)]


def scheme_of(study: Study, contrast: Contrast) -> Scheme:
    """How the donors of a contrast are relabelled: within levels of covariates, balanced over the true arms.

    Parameters
    ----------
    study : Study
        Categorical covariates that are constant within donors make levels, each of which keeps its numbers; numbers,
        such as age, and what differs between a donor's samples stay with the samples and are adjusted for. Where
        changes of donors are compared, covariates of donors cancel and make no levels.
    contrast : Contrast
    """
    samples, (column, values) = counted(study, contrast), Labels.of(study, contrast)
    several = samples.groupby("donor", sort=False)[column].nunique() > 1
    donors = samples.drop_duplicates("donor").set_index("donor")
    own, donors = tuple(several.index[several]), donors[~several.loc[donors.index]]
    by = [name for name in study.covariates if contrast.kind != CHANGE and _makes_levels(samples, name)]
    groups = [group for _, group in donors.groupby(by, sort=False)] if by else [donors]
    levels = []
    for group in groups if len(donors) else []:
        treated, others = (tuple(group.index[group[column] == name]) for name in values)
        size = new_size(len(treated), len(others)) if len(groups) == 1 else len(treated)
        levels.append(Level(treated, others, size))
    most = sum(min(level.size, len(level.condition)) for level in levels)
    fewest = sum(max(0, level.size - len(level.reference)) for level in levels)
    share = (donors[column] == values[0]).mean() if levels else 0.0
    kept = round(share * sum(level.size for level in levels))
    return Scheme(tuple(levels), min(max(kept, fewest), most), own)


def _makes_levels(samples: pd.DataFrame, covariate: str) -> bool:
    """True of a covariate of categories that every donor has one of."""
    values = samples[covariate]
    return not of_numbers(values, covariate) and bool((samples.groupby("donor")[covariate].nunique() == 1).all())


def relabelled(study: Study, contrast: Contrast, turned: frozenset[str]) -> Study:
    """The study of one contrast in which these donors have the other label, or theirs exchanged (in time: reversed).

    What was true becomes a covariate: balance takes its effect out of the difference of the new arms, this takes it
    out of their spread, which would hide errors. Of a slope it is the straight line.
    """
    samples, (column, values) = study.samples.copy(), Labels.of(study, contrast)
    labelled = samples[column].isin(values)
    if contrast.kind == TREND:
        samples[TRUE] = samples[column].map(study.order).fillna(study.order[values[0]])
    elif contrast.kind == CHANGE:
        changed = (samples[column] == values[0]) & (samples["condition"] == contrast.condition)
        samples[TRUE] = np.where(changed, contrast.condition, contrast.reference)
    else:
        samples[TRUE] = samples[column].where(labelled, values[-1])
    here = labelled & samples["donor"].isin(turned)
    exchanged = dict(zip(values, values[::-1], strict=True))
    samples.loc[here, column] = samples.loc[here, column].map(exchanged)
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
        Two donors of each arm, or four that are their own controls, are enough.
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
    for contrast in study.asked():
        scheme = scheme_of(study, contrast)
        why = _too_few(scheme, Labels.of(study, contrast).values, asked)
        most = how_many(sum(scheme.arms), n_lineages)
        chosen = [] if why else scheme.relabellings(most, seed)
        if not chosen:
            why = why or f"no donor can be relabelled within the levels of {', '.join(study.covariates)}"
            left_out.add(f"not calibrated: {why}", contrast=contrast.contrast)
            continue
        made = pd.concat([claims(relabelled(study, contrast, turned)) for turned in chosen])
        tables.append(averaged(made).assign(**scheme.described(most), contrast=contrast.contrast))
    return pd.concat([pd.DataFrame(), *tables], ignore_index=True)


def _too_few(scheme: Scheme, names: list[str], asked: bool) -> str:
    """Why donors are too few to be relabelled; empty if they are not."""
    own = len(scheme.own)
    if not scheme.levels:
        least, known, of_each = (LEAST_OWN if asked else MIN_OWN), f"{own} donors that are their own controls", ""
        enough, asked_from = own >= least, LEAST_OWN
    else:
        least, asked_from, of_each = (LEAST_DONORS if asked else MIN_DONORS), LEAST_DONORS, " of each"
        condition, reference = (
            own + sum(len(donors) for donors in side)
            for side in zip(*((level.condition, level.reference) for level in scheme.levels), strict=True)
        )
        n_donors = condition + reference - own
        enough = min(condition, reference) >= least and (not own or n_donors >= MIN_OWN)
        known = f"{condition} {names[0]} and {reference} {names[-1]} donors"
    if enough:
        return ""
    more = f", or with --calibrate on from {asked_from}" if least > asked_from else ""
    return f"{known}; relabelled from {least}{of_each}{more}"


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
