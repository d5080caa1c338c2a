"""Networks of regulators, and gene sets as networks."""

import pandas as pd
import pytest

from compartments.core import networks
from compartments.core.errors import UserError

GOOD = "source\ttarget\tweight\nSTAT1\tIRF1\t1\nSTAT1\tCXCL10\t.5\nFOXP3\tIL2\t-1\n"


def written(folder, text, name="net.tsv"):
    (folder / name).write_text(text)
    return folder / name


def test_a_network_is_read_with_signs(tmp_path):
    table = networks.read_network(written(tmp_path, GOOD))
    assert list(table["weight"]) == [1, 0.5, -1] and list(table["target"]) == ["IRF1", "CXCL10", "IL2"]
    merged = networks.merge_networks([tmp_path / "net.tsv"])
    assert list(merged) == ["kind", "source", "target", "weight"] and set(merged["kind"]) == {"regulator"}
    assert networks.merge_networks([]).empty


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("source\ttarget\nA\tB\n", "column 'weight' is missing; it needs source, target, weight and has source"),
        ("", "net.tsv is empty"),
        ("source\ttarget\tweight\n", "no row with all of source, target, weight"),
        ("source\ttarget\tweight\nA\tB\tup\n", "row 2: the weight of A on B is 'up'; give a number other than 0"),
        ("source\ttarget\tweight\nA\tB\t0\n", "the weight of A on B is '0'"),
        ("source\ttarget\tweight\nA\tB\tinf\n", "the weight of A on B is 'inf'"),
        ("source\ttarget\tweight\nA\tB\t1\nA\tB\t2\n", "row 3: A and B are there twice"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(tmp_path, text, said):
    with pytest.raises(UserError, match=said) as caught:
        networks.read_network(written(tmp_path, text))
    assert "net.tsv" in str(caught.value) and "\n" not in str(caught.value)


def test_a_source_of_two_files_is_refused(tmp_path):
    paths = [written(tmp_path, GOOD), written(tmp_path, "source\ttarget\tweight\nFOXP3\tCTLA4\t1\n", "more.tsv")]
    with pytest.raises(UserError, match="source 'FOXP3' is in .*net.tsv and in .*more.tsv"):
        networks.merge_networks(paths)


def test_targets_are_named_as_in_the_species(tmp_path):
    merged = networks.merge_networks([written(tmp_path, GOOD)], "mouse")
    assert list(merged["target"]) == ["Irf1", "Cxcl10", "Il2"] and list(merged["source"]) == ["STAT1", "STAT1", "FOXP3"]


def test_sets_and_both_sides_of_pairs_weigh_the_same():
    pairs = pd.DataFrame({"ligand": ["CCL2", "IL12A_IL12B"], "receptor": ["CCR2", "IL12RB1_IL12RB2"]})
    sides = networks.sides_of(pairs)
    assert sides["LIGANDS_OF_PAIRS"] == ["CCL2", "IL12A", "IL12B"]
    assert sides["RECEPTORS_OF_PAIRS"] == ["CCR2", "IL12RB1", "IL12RB2"]
    table = networks.network_of_sets(sides)
    assert (table["weight"] == 1).all() and set(table["kind"]) == {"pathway"} and len(table) == 6
