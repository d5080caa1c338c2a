"""Species of files, and of a cohort."""

import json

import pytest

from compartments.core.errors import UserError
from compartments.counts.formats import describe
from compartments.counts.inspection import look_into
from compartments.counts.organisms import other_species
from tests.support.matrices import IDS, N_GENES, some_counts, write_h5

TITLE = ["Cd3e", "Cd3e", "Ms4a1", "mt-Nd1", "H2-Aa", *[f"Gene{i}" for i in range(N_GENES - 5)]]
MOUSE_IDS = [one.replace("ENSG", "ENSMUSG") for one in IDS]


def test_a_file_of_mice_is_read_and_told(execute, tmp_path):
    write_h5(tmp_path / "m.h5", some_counts(), symbols=TITLE, ids=MOUSE_IDS)
    (tmp_path / "digests").write_text("aa  m.h5\n")
    given = ("--sample", "S1", "--column", "raw", "--path", "m.h5", "--digests", "digests")
    assert execute("inspect_input", *given).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == ""
    assert json.loads((tmp_path / "S1.cells.json").read_text())["species"] == "mouse"
    execute("inspect_input", *given, "--species", "human")
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert "m.h5: mouse genes (Cd3e, Cd3e, Ms4a1 ...), but --species is human" in line
    assert look_into(tmp_path / "m.h5", "raw", species="mouse").problem == ""


@pytest.mark.parametrize("change", [str.upper, str.lower])
def test_names_of_mice_that_a_program_changed(tmp_path, change):
    """By the ids it is known that they are of mice; by the table how they are written."""
    write_h5(tmp_path / "m.h5", some_counts(), symbols=[change(one) for one in TITLE], ids=MOUSE_IDS)
    source = describe(tmp_path / "m.h5")
    assert list(source.symbol[:4]) == ["Cd3e", "Cd3e", "Ms4a1", "mt-Nd1"] and source.species == "mouse"
    assert not any("mitochondrial" in one for one in source.warnings)


def test_mitochondrial_genes_of_mice_without_their_mark(tmp_path):
    names = ["Nd1", "Nd2", "Cox1", "Atp6", "Cytb", *TITLE[5:]]
    write_h5(tmp_path / "m.h5", some_counts(), symbols=names, ids=[f"x{n}" for n in range(N_GENES)])
    assert list(describe(tmp_path / "m.h5").symbol[:5]) == ["mt-Nd1", "mt-Nd2", "mt-Co1", "mt-Atp6", "mt-Cytb"]


def test_symbols_of_two_species_in_one_file(tmp_path):
    symbols = [one if n % 2 else one.upper() for n, one in enumerate(TITLE)]
    write_h5(tmp_path / "m.h5", some_counts(), symbols=symbols, ids=[f"x{n}" for n in range(N_GENES)])
    with pytest.raises(UserError, match="m.h5: genes of human and mouse in one file"):
        describe(tmp_path / "m.h5")


def test_a_cohort_is_of_one_species():
    rows = [("a", 2, "human"), ("b", 3, "mouse"), ("c", 4, "human"), ("d", 5, "mouse"), ("e", 6, "human")]
    found = [{"sample": name, "row": row, "column": "raw", "species": species} for name, row, species in rows]
    assert list(other_species(found)) == [
        f"row {row}, column raw: sample '{name}' has mouse genes, and 3 of 5 files have human ones; analyse each "
        "species by itself"
        for name, row in (("b", 3), ("d", 5))
    ]
    assert list(other_species(found[:1])) == []
