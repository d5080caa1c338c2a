"""Species of genes, and names of human genes in mice."""

import os
import subprocess
import sys

import pytest

from compartments.core.species import (
    HUMAN,
    MOUSE,
    called_in,
    counterparts,
    known_as,
    mixed_species,
    one_to_one,
    species_of,
)

HUMAN_IDS, MOUSE_IDS = ([f"{prefix}{n:011d}" for n in range(20)] for prefix in ("ENSG", "ENSMUSG"))


@pytest.mark.parametrize(
    ("symbols", "ids", "expected"),
    [
        (["CD3E", "MT-ND1", "C1orf21", "HLA-DRA"], (), "human"), (["Cd3e", "mt-Nd1", "H2-Aa", "Lyz2"], (), "mouse"),
        (["Cd3e", "Mt-nd1", "RT1-Da", "Lyz2"], (), "rat"), (["CD3E"] * 20, MOUSE_IDS, "mouse"),
        (["Cd3e", "Mt-nd1", "Lyz2"], (), "rat"), (["Cd3e", "Mt-nd1", "H2-k1", "Lyz2"], (), "mouse"),
        (["Cd3e", "Mt-Nd1", "Hla-dra", "Lyz2"], (), "mouse"),
        (["cd3e"] * 20, HUMAN_IDS, "human"), (["a"] * 3, ["ENSDARG00000000001"] * 3, "zebrafish"),
        (["a"] * 3, ["ENSXXXG00000000001"] * 3, "unknown"), (["w"] * 3, ["FBgn0000001"] * 3, "fruit fly"),
        ([], (), "human"),
    ],
)  # fmt: skip
def test_species_by_ids_else_by_names(symbols, ids, expected):
    assert species_of(symbols, ids) == expected
    assert mixed_species(symbols, ids) == []


def test_several_species():
    assert mixed_species(["A"] * 40, [*HUMAN_IDS, *MOUSE_IDS[:15]]) == ["human", "mouse"]
    assert mixed_species(["A"] * 40, [*HUMAN_IDS, *MOUSE_IDS[:1]]) == []
    assert mixed_species(["Cd3e", "Cd4", "CD3E"]) == ["mouse", "human"]


def test_human_genes_in_mice():
    """Ensembl's table, names that it lacks, what it has another gene for, families, and what mice do not have."""
    assert called_in(MOUSE, ["CD3E", "CCL5", "S100A9", "LYZ", "XIST", "DEFA1", "FCGR3B", "CD3E", "Ly6c2", "H2-K1"]) == [
        "Cd3e", "Ccl5", "S100a9", "Lyz2", "Lyz1", "Xist", "Ly6c2", "H2-K1",
    ]  # fmt: skip
    assert called_in(HUMAN, ["CD3E", "CD3E"]) == ["CD3E", "CD3E"]
    assert counterparts("MT-CYB") == ("mt-Cytb",) and counterparts("ZFY") == ("Zfy1", "Zfy2")
    assert known_as(["CD3E", "HBB", "GNLY"], {"Cd3e", "Hbb-bs", "Hbb-bt"}) == ["Cd3e", "Hbb-bs", "Hbb-bt"]
    assert known_as(["CD3E", "HBB"], {"CD3E", "Cd3e"}) == ["CD3E"]


@pytest.mark.long
def test_single_counterparts_are_those_of_celltypist(real_data, tmp_path):
    """The genes that ``Model.convert`` leaves of a published model, both ways."""
    model = real_data / "models" / "Immune_All_Low.pkl"
    script = (
        "import sys; from celltypist.models import Model; m = Model.load(sys.argv[1]); f = list(m.features); "
        "m.convert(); g = list(m.features); m.convert(); print(f, g, list(m.features), sep='\\n')"
    )
    environment = os.environ | {"CELLTYPIST_FOLDER": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", script, model], capture_output=True, text=True, env=environment)
    human, mouse, back = map(eval, done.stdout.splitlines()[-3:])
    found = one_to_one(HUMAN, human)
    assert set(found.values()) == set(mouse) and len(found) == 4760
    assert set(one_to_one(MOUSE, mouse).values()) == set(back)
