"""Ligand-receptor pairs and groups of them: from LIANA's resources and from tables."""

import pytest

from compartments.core.errors import UserError
from compartments.core.pairs import read_groups, read_resource
from tests.support.annotated import PAIRS


def test_groups_of_migration_pairs(root):
    resource = read_resource("consensus")
    groups = read_groups(root / "assets" / "interaction_groups.tsv", resource)
    assert {name: int(inside.sum()) for name, inside in groups.items()} == {"chemokine": 79, "adhesion": 24}
    chemokine = resource[groups["chemokine"]]
    assert ((chemokine["ligand"] == "CXCL12") & (chemokine["receptor"] == "CXCR4")).any()


def test_groups_as_pairs(tmp_path):
    path = tmp_path / "pairs.tsv"
    path.write_text("group\tligand\treceptor\nx\tL1\tR2_R3\nx\tL9\tR1\ny\tL2\tR2\n")
    groups = read_groups(path, PAIRS)
    assert groups["x"].tolist() == [False, False, False, True]
    assert groups["y"].tolist() == [False, True, False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ligand\tpartner\nA\tB\n", "column 'receptor' missing"),
        ("source\ttarget\nA\tB\n", "column 'ligand' and 'receptor' missing"),
        ("ligand\treceptor\nA\t\n", "no row with all of ligand, receptor"),
        ("", "is empty"),
    ],
)
def test_bad_resource_tables(tmp_path, text, message):
    path = tmp_path / "pairs.tsv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_resource(str(path))


def test_bad_groups_tables(tmp_path):
    path = tmp_path / "groups.tsv"
    path.write_text("group\tligand\nx\tA\n")
    with pytest.raises(UserError, match="column 'receptor' missing"):
        read_groups(path, PAIRS)
    path.write_text("group\trole\tgene\nx\tsender\tA\n")
    with pytest.raises(UserError, match="'sender'; it is ligand or receptor"):
        read_groups(path, PAIRS)
    with pytest.raises(UserError, match="no such file"):
        read_groups(tmp_path / "none.tsv", PAIRS)
