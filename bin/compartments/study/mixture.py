"""Samples made in different ways: which chemistry, which list of genes, and whether that goes with what is compared."""

from collections.abc import Iterator, Mapping

import pandas as pd

from compartments.core.kits import kit_named

MANY = 4  # names of samples, or kinds, that a sentence lists
MOSTLY = 0.5  # difference between the shares of a kind in two arms from which they are said to differ in it
NOT_KNOWN = "not known"


def chemistry_name(text: str) -> str:
    """One name for the ways in which a chemistry is written.

    ``Single Cell 3' v3.1`` and ``SC3Pv3`` are ``3' v3``; a text that says nothing known stays as it is.
    """
    return kit_named(text).name or text.strip()


def _against(first: str, second: str) -> bool:
    """Whether two texts name kits that one sample cannot have been made with both."""
    one, other = kit_named(first), kit_named(second)
    if not (first and second) or (one.name and other.name):
        return not one.agrees(other)
    return first != second


def chemistries(samples: pd.DataFrame, of_files: Mapping[str, str]) -> tuple[pd.Series, list[str]]:
    """The chemistry of each sample: that of the samplesheet, else what its file states.

    Parameters
    ----------
    samples : DataFrame
        The samplesheet.
    of_files : mapping, sample -> text
        As the files state it; the samples that are there.

    Returns
    -------
    Series, sample -> name of :func:`chemistry_name`, empty if not known
    list of str
        Sentences on samples whose file says otherwise than the samplesheet.
    """
    named = samples.set_index("sample").loc[list(of_files)]
    given = named["chemistry"].fillna("").astype(str) if "chemistry" in named else pd.Series("", named.index)
    said = given.map(chemistry_name)
    stated = pd.Series(of_files, dtype=object).map(chemistry_name)
    differs = pd.Series(map(_against, said, stated), said.index, dtype=bool)
    both = said[differs] + " by the samplesheet, " + stated[differs]
    sentences = [
        f"chemistry of {listed(list(names))} is {words} by the file: mend one of them"
        for words, names in both.groupby(both, sort=False).groups.items()
    ]
    return said.where(said != "", stated), sentences


def mixed(kinds: pd.Series, samples: pd.DataFrame, noun: str) -> list[str]:
    """How samples differ in the way in which they were made, and where that goes with what is compared.

    Parameters
    ----------
    kinds : Series, sample -> kind
        Empty text: not known.
    samples : DataFrame
        The samplesheet.
    noun : str
        What differs: ``chemistry``.

    Returns
    -------
    list of str
        None if all samples that are known are of one kind.
    """
    if kinds[kinds != ""].nunique() < 2:
        return []
    known = kinds.replace("", NOT_KNOWN)
    parts = [f"{kind} in {listed(list(names))}" for kind, names in known.groupby(known, sort=False).groups.items()]
    more = f" and {len(parts) - MANY} more" if len(parts) > MANY else ""
    sheet = samples.set_index("sample").loc[kinds.index].assign(_kind=kinds)
    return [f"samples differ in {noun}: {'; '.join(parts[:MANY])}{more}", *_along(sheet[kinds != ""], noun)]


def _along(sheet: pd.DataFrame, noun: str) -> Iterator[str]:
    """Where kinds go with compartments, or with conditions or groups within one."""
    if sentence := _goes_with(sheet, "compartment", noun, ""):
        yield sentence
    for compartment, rows in sheet.groupby("compartment", sort=False):
        for column in ("condition", "group"):
            if column in rows and (sentence := _goes_with(rows, column, noun, f"in {compartment} ")):
                yield sentence


def _goes_with(rows: pd.DataFrame, column: str, noun: str, where: str) -> str:
    """A sentence if levels of a column share no kind, or differ much in how frequent one is; else empty."""
    table = pd.crosstab(rows[column], rows["_kind"])
    if min(table.shape) < 2 or (len(rows) > 2 and table.sum().max() == 1):  # each sample its own kind goes with nothing
        return ""
    each = "; ".join(
        f"{level}: {', '.join(f'{kind} ({n})' for kind, n in line[line > 0].items())}"
        for level, line in table.iterrows()
    )
    if ((table > 0).sum() == 1).all():
        why = f"an effect of the {column} cannot be told from one of {noun}"
        return f"{where}{noun} goes with {column} ({each}): {why}"
    shares = table.div(table.sum(axis=1), axis=0)
    if (shares.max() - shares.min()).max() >= MOSTLY:
        return f"{where}{noun} is not balanced over {column} ({each}): effects of the {column} may be those of {noun}"
    return ""


def listed(names: list[str]) -> str:
    """``a, b and c``; of many the first ones and how many more."""
    if len(names) > MANY:
        return f"{', '.join(names[:MANY])} and {len(names) - MANY} more"
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
