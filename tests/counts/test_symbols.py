"""Symbols as they should be written."""

from pathlib import Path

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.core.species import MOUSE
from compartments.counts.source import Source
from compartments.counts.symbols import MITOCHONDRIAL, mend_symbols

MT = [symbol for symbol, _ in MITOCHONDRIAL.values()]
GENES = [*MT, "HLA-DRA", "HLA-B", "NKX2-5", "AC093323.1", "RP11-34P13.7", "C1orf112", "CD3E"]


def mended(symbols, ids=None, species=""):
    n = len(symbols)
    ids = [f"ENSG9{i:010d}" for i in range(n)] if ids is None else ids
    names = (np.array(part, dtype=object) for part in (ids, symbols, [""] * n))
    source = Source(Path("f"), "10x mtx", "m", np.array(["b"], object), *names, np.ones(n, bool), species=species)
    mend_symbols(source)
    return source


@pytest.mark.parametrize("mark", ["-", ".", "_"])
def test_hyphens_come_back(mark):
    source = mended([name.replace("-", mark) for name in GENES])
    assert source.symbol.tolist() == GENES and source.warnings == [] and len(source.notes) == (mark != "-")


def test_bare_and_lower_case_mitochondrial_genes():
    bare = [refseq for _, refseq in MITOCHONDRIAL.values()]
    assert mended([*bare, "CD3E"]).symbol.tolist() == [*MT, "CD3E"]
    assert mended([name.removeprefix("MT-") for name in MT]).symbol.tolist() == MT
    assert mended(["a", *bare[1:], "CD3E"], [*MITOCHONDRIAL, "ENSG1"]).symbol.tolist() == [*MT, "CD3E"]
    assert mended([name.lower() for name in GENES]).symbol.tolist() == [
        name.upper().replace("C1ORF", "C1orf") for name in GENES
    ]
    assert "no mitochondrial genes" in mended(["ND1", "CD3E"]).warnings[0]  # one name alone says nothing


def test_genes_of_mice_after_capitalize():
    right = ["mt-Nd1", "mt-Co1", "mt-Cytb", "mt-Atp6", "H2-K1", "H2-Ab1", "Cd3e", "Lyz2", "Gm1234"]
    right += ["Cd4", "Cd8a", "Gata3", "Foxp3", "Actb", "Il7r"]
    given = [name.replace("mt-Cytb", "MT-CYB").capitalize() for name in right]
    source = mended(given, given, MOUSE)
    assert source.symbol.tolist() == right and source.warnings == []
    assert "2 symbols of mice are read as H2-K1 of H2-k1" in source.notes
    right += ["Cd19", "CD19"]  # a transgene beside its gene
    assert mended(right, right, MOUSE).symbol.tolist() == right


def test_lower_case_without_ids_is_refused():
    with pytest.raises(UserError, match=r"lower case \(cd3e, cd4"):
        mended(["cd3e", "cd4", "ms4a1"], ["cd3e", "cd4", "ms4a1"])


def test_dates_are_told():
    for date in ("1-Mar", "Sep-02", "2001-03-01", "2. Mrz", "01/03/2022"):
        assert f"1 symbols are dates ({date})" in mended([*MT, date]).warnings[0]
    assert mended([*MT, "MARCH1", "SEPT2", "DEC1"]).warnings == []
