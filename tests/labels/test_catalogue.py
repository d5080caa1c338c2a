"""CellTypist's models by tissue, and the files that are held against their digests."""

import hashlib
import re
from dataclasses import replace

import pytest

from compartments.core.errors import UserError
from compartments.labels.catalogue import check_published, fitting, read_catalogue, suggestion
from tests.support.models import make_model


@pytest.fixture(scope="module")
def catalogue(root):
    return read_catalogue(root / "assets" / "celltypist_models.tsv")


def test_every_model_has_a_place_and_known_digests_are_whole(catalogue):
    assert catalogue.index.is_unique and len(catalogue) > 50
    assert all(
        re.fullmatch(rf"\w+/{row.version}/{row.name}\.pkl", row.place) for row in catalogue.itertuples(index=False)
    )
    known = catalogue[catalogue["sha256"] != ""]
    assert set(known.index) == {"Immune_All_Low", "Immune_All_High", "Healthy_COVID19_PBMC"}
    assert (catalogue["sha256"].eq("") == catalogue["size"].eq("")).all()


def test_the_digests_are_those_of_the_files(catalogue, real_data):
    for name in catalogue.index[catalogue["sha256"] != ""]:
        data = (real_data / "models" / f"{name}.pkl").read_bytes()
        found = [str(len(data)), hashlib.sha256(data).hexdigest()]
        assert found == catalogue.loc[name, ["size", "sha256"]].tolist()


def test_a_file_by_a_published_name_is_that_file(tmp_path, catalogue):
    path = tmp_path / "Immune_All_Low.pkl"
    path.write_bytes(b"cut off")
    model = replace(make_model(), name=path.name)
    with pytest.raises(UserError, match=r"Immune_All_Low\.pkl: not the v2 .* \(7 bytes, not 2824990: .* get it again"):
        check_published(model, path, catalogue)
    assert check_published(replace(model, sha256=catalogue.at["Immune_All_Low", "sha256"]), path, catalogue)
    assert not check_published(make_model(), path, catalogue)
    assert not check_published(replace(model, name="Human_Lung_Atlas.pkl"), path, catalogue)


@pytest.mark.parametrize(
    ("compartment", "named"),
    [
        ("BAL", "Human_Lung_Atlas"), ("lung_tumour", "Cells_Lung_Airway"), ("PBMC", "Healthy_COVID19_PBMC"),
        ("skin", "Adult_Human_Skin"), ("colon", "Human_Colorectal_Cancer"), ("liver", "Healthy_Human_Liver"),
    ],
)  # fmt: skip
def test_models_of_a_tissue_are_found_by_what_it_is_called(catalogue, compartment, named):
    assert named in fitting(catalogue, compartment)
    assert not any(catalogue.loc[fitting(catalogue, compartment), "species"] != "human")


def test_a_tissue_that_no_model_is_of_is_said(catalogue):
    assert fitting(catalogue, "synovial") == [] and "no model of CellTypist is of a tissue called 'synovial'" in (
        suggestion(catalogue, "synovial")
    )
    assert "Adult_Human_Skin" not in suggestion(catalogue, "skin", "Adult_Human_Skin")
