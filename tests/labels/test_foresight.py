"""Names that the study asks for and genes that files list, looked at before any cell is read."""

import numpy as np
import pytest

from compartments.core.errors import UserError
from compartments.labels.foresight import check_lineages, check_overlap, check_target, models_of_samples
from tests.support.mice import in_mice
from tests.support.models import GENES, make_model

KNOWN = ["B", "NK", "T_CD4", "pDC", "Plasma"]


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("Bcells", "did you mean 'B'"),
        ("B cell", "did you mean 'B'"),
        ("pdc", "did you mean 'pDC'"),
        ("TCD4", "did you mean 'T_CD4'"),
        ("Plasmma", "did you mean 'Plasma'"),
        ("Martians", "it has B, NK, Plasma, T_CD4, pDC"),
    ],
)
def test_a_lineage_that_is_none_is_answered_with_the_one_meant(name, hint):
    check_lineages(KNOWN, KNOWN, "primary_lineages")
    with pytest.raises(UserError, match=f"--primary_lineages '{name}' is no lineage of the lineage map; {hint}"):
        check_lineages(["B", name], KNOWN, "primary_lineages")


def listed(symbols):
    return {"symbol": list(symbols), "gene_id": [f"ENSG{i:011d}" for i in range(len(symbols))]}


def test_a_sample_whose_genes_the_model_does_not_know_is_named_before_any_compute():
    models = dict.fromkeys("abc", [make_model()])
    good, ids, lower = (
        listed(GENES),
        listed([f"ENSG{i:011d}" for i in range(60)]),
        listed([gene.lower() for gene in GENES]),
    )
    assert check_overlap({}, {}, 0.5) == [] and check_overlap({"a": good}, models, 0.5) == []
    (note,) = check_overlap({"a": good, "b": ids}, models, 0.5)
    assert note.startswith("sample 'b': holds 0% of the") and "are Ensembl ids" in note and "left out" in note
    with pytest.raises(UserError, match="no sample can be labelled: sample 'b': .* upper and lower case"):
        check_overlap({"b": lower, "c": ids}, models, 0.5)
    half = listed(np.array(GENES)[: len(GENES) // 3])
    assert check_overlap({"a": good, "b": half}, models, 0.1) == []


def test_a_target_gene_that_no_file_lists_is_answered_with_the_one_meant():
    two = {"a": listed(["CD52", "MS4A1"]), "b": listed(["MS4A1"])}
    assert check_target(two, "MS4A1") == []
    assert check_target(two, "CD52") == ["--target_gene CD52 is not among the genes of b"]
    for gene, meant in (("cd52", "CD52"), ("CD-52", "CD52"), ("ENSG00000000001", "MS4A1"), ("MS4A2", "MS4A1")):
        with pytest.raises(UserError, match=f"--target_gene '{gene}' is .* of any sample; did you mean '{meant}'"):
            check_target(two, gene)
    with pytest.raises(UserError, match="give a gene symbol as the files have it"):
        check_target(two, "alemtuzumab")


def test_a_human_model_for_samples_of_mice_is_said_once():
    names = in_mice(GENES)[1]
    listed = {"symbol": names, "gene_id": [f"ENSMUSG{n:011d}" for n in range(len(names))]}
    model = make_model()
    found, notes = models_of_samples({"s1": listed, "s2": listed}, {"s1": [model], "s2": [model]})
    assert found["s1"][0].kept == found["s2"][0].kept == 1 - 1 / len(model.genes)
    assert notes == [
        "model made_up.pkl is of another species: 97% of its 34 genes have a counterpart in mouse and are used"
    ]
    human = {"symbol": GENES, "gene_id": GENES}
    found, notes = models_of_samples({"s1": human}, {"s1": [model]})
    assert found["s1"][0] is model and notes == []
