"""Whether cohorts were compared with the same settings: estimates of different things have no mean."""

from collections.abc import Sequence
from typing import NamedTuple

from compartments.after.before import Before, as_text, file_parameters, names_files
from compartments.core.contract import Contract
from compartments.core.errors import UserError
from compartments.core.files import read_json
from compartments.study.parameters import names_in
from compartments.study.study import TREND

ZERO, ZERO_LINEAGES, ERROR = "relative_reference", "reference_lineages", "cv_total"
# what estimates, margins and families of tests depend on; cells and covariates are each cohort's own, and activities
# (pathways, regulators) are not taken together
PLAIN = ("equiv_margin", "min_cells_pb")
FILES = ("lineage_map", "gene_sets", "lr_resource", "interaction_groups")
SHARED = (*PLAIN, *FILES, "primary_lineages", ZERO, ZERO_LINEAGES, "reference_compartment")
SUMMARY = "composition/composition.json"


class Setting(NamedTuple):
    """A parameter of two cohorts: what tells whether it is the same, and how it is said."""

    name: str
    keys: Sequence[object]
    said: Sequence[str]


def check_settings(one: Before, other: Before) -> None:
    """See that two cohorts' estimates are of the same things.

    Raises
    ------
    UserError
        A setting that differs, with both values and how one cohort is made with the other's.
    """
    for name, keys, said in settings_of(one, other):
        if keys[0] == keys[1]:
            continue
        values = " and ".join(value or "not given" for value in said)
        differ = f"{one.root} and {other.root} differ in --{name} ({values}): they cannot be combined"
        if name == "lineage_map" or name not in Contract.of("compare").parameters:
            raise UserError(f"{differ}; run one of them again with the other's")
        value = (name in file_parameters() and one.parameters.get(name)) or said[0]
        again = f"sc-compartments compare {other.root} --out NEW --{name} '{value}'"
        raise UserError(f"{differ}; make one again with the other's: {again}")


def settings_of(one: Before, other: Before) -> list[Setting]:
    """What must be the same in two cohorts."""
    both = (one, other)
    found = [_named("primary_lineages", [each.study.primary_lineages for each in both])]
    found += [_of(name, [plain(each, name) for each in both]) for name in PLAIN]
    found += [_of_files(name, both) for name in FILES]
    absolute = [each.study.absolute for each in both]
    if not any(absolute):
        found.append(_named(ZERO_LINEAGES, [names_in(plain(each, ZERO_LINEAGES)) for each in both]))
        if not any(found[-1].said):  # they stand in its place
            found.append(_of(ZERO, [plain(each, ZERO) for each in both]))
    if all(absolute) and all((each.root / SUMMARY).is_file() for each in both):
        found.append(_of(ERROR, [str(read_json(each.root / SUMMARY).get(ERROR)) for each in both]))
    if any(each.study.contrasts["kind"].eq(TREND).any() for each in both):
        scores = [",".join(f"{name}:{score:g}" for name, score in each.study.order.items()) for each in both]
        found.append(_of("condition_order", scores))
    return found


def plain(cohort: Before, name: str) -> str:
    """A parameter as text, its default where it is not set; numbers alike however they are written."""
    text = as_text(cohort.parameters.get(name))
    return text or as_text(Contract.of("compare").parameters[name].get("default"))


def _of(name: str, said: Sequence[str]) -> Setting:
    return Setting(name, said, said)


def _named(name: str, given: Sequence[Sequence[str]]) -> Setting:
    """Names in any order."""
    return _of(name, [",".join(sorted(names)) for names in given])


def _of_files(name: str, both: Sequence[Before]) -> Setting:
    """Files by their digests where those of both cohorts are known, else by their names."""
    texts = [plain(each, name) for each in both]
    named = [names_files(name, text) for text in texts]
    files = [
        [part.strip().rsplit("/", 1)[-1] for part in text.split(",")] if is_file else [text]
        for text, is_file in zip(texts, named, strict=True)
    ]
    digests = [each.digests(name) or [] if is_file else [] for each, is_file in zip(both, named, strict=True)]
    if not all(digests):
        return _of(name, [", ".join(each) for each in files])
    said = []
    for own, codes in zip(files, digests, strict=True):
        said.append(", ".join(f"{file}, SHA-256 {code[:12]}" for file, code in zip(own, codes, strict=False)))
    return Setting(name, digests, said)
