"""Samples in folders as the programs leave them, one tree for each program."""

import pytest

from compartments.core.errors import UserError
from compartments.counts.outputs import find_outputs


def files(root, *names):
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def tenx(place):
    return [f"{place}/{kind}_feature_bc_matrix.h5" for kind in ("raw", "filtered")]


def seen(root):
    """{sample: {column: place below the folder}}."""
    return {
        one.sample: {column: str(path.relative_to(root.resolve())) for column, path in one.files.items()}
        for one in find_outputs(root)[0]
    }


def both(place):
    return {"raw": f"{place}/raw_feature_bc_matrix.h5", "filtered": f"{place}/filtered_feature_bc_matrix.h5"}


def test_cell_ranger_count(tmp_path):
    """By h5 where there is one, by folder else; nothing of what a run keeps for itself."""
    files(tmp_path, *tenx("p1_csf/outs"), "p1_csf/outs/raw_feature_bc_matrix/matrix.mtx.gz")
    files(tmp_path, "p1_csf/SC_RNA_COUNTER_CS/x/outs/raw_feature_bc_matrix.h5")
    files(tmp_path, "p1_blood/outs/raw_gene_bc_matrices/GRCh38/matrix.mtx")
    assert seen(tmp_path) == {
        "p1_blood": {"raw": "p1_blood/outs/raw_gene_bc_matrices"},
        "p1_csf": both("p1_csf/outs"),
    }
    assert list(seen(tmp_path / "p1_csf" / "outs")) == ["p1_csf"]


@pytest.mark.parametrize("capture", ["multi/count/raw_feature_bc_matrix.h5", "raw_feature_bc_matrix.h5"])
@pytest.mark.parametrize("below", ["count/", ""])
def test_cell_ranger_multi(tmp_path, capture, below):
    """The cells of each sample and the droplets of the capture, in the layouts before and since version 9."""
    files(tmp_path, f"pool/outs/{capture}")
    outs = "pool/outs/per_sample_outs"
    for sample in ("a", "b"):
        files(tmp_path, f"{outs}/{sample}/{below}sample_filtered_feature_bc_matrix.h5")
    files(tmp_path, f"{outs}/only_vdj/vdj_t/clonotypes.csv")
    cells = {one: f"{outs}/{one}/{below}sample_filtered_feature_bc_matrix.h5" for one in "ab"}
    assert seen(tmp_path) == {one: {"raw": f"pool/outs/{capture}", "filtered": cells[one]} for one in "ab"}


def test_flex_has_droplets_of_each_sample(tmp_path):
    place = "pool/outs/per_sample_outs/a/count/sample"
    files(tmp_path, "pool/outs/multi/count/raw_feature_bc_matrix.h5")
    files(tmp_path, f"{place}_filtered_feature_bc_matrix.h5", f"{place}_raw_feature_bc_matrix.h5")
    assert seen(tmp_path)["a"]["raw"] == f"{place}_raw_feature_bc_matrix.h5"


def test_cell_ranger_aggr_stands_for_what_it_joined(tmp_path):
    files(tmp_path, *tenx("p1/outs"), *tenx("p2/outs"), "agg/outs/count/filtered_feature_bc_matrix.h5")
    table = tmp_path / "agg/outs/aggregation.csv"
    table.write_text(f"sample_id,molecule_h5\nfirst,{tmp_path}/p1/outs/molecule_info.h5\nsecond,../../p2/outs/m.h5\n")
    assert seen(tmp_path) == {"first": both("p1/outs"), "second": both("p2/outs")}
    table.write_text("sample_id,molecule_h5\nfirst,/gone/p1/outs/molecule_info.h5\n")
    assert list(seen(tmp_path)) == ["p1", "p2"]
    assert "agg/outs: left out, it joins samples (first) in one file" in find_outputs(tmp_path)[1][0]
    with pytest.raises(
        UserError, match="agg/outs: left out, it joins samples .*; give the outputs of 'cellranger count'"
    ):
        find_outputs(tmp_path / "agg")


def test_other_counters(tmp_path):
    files(
        tmp_path, *(f"star/s1.Solo.out/{one}/matrix.mtx" for one in ("Gene/raw", "GeneFull/raw", "GeneFull/filtered"))
    )
    files(tmp_path, "s2/Solo.out/Gene/raw/matrix.mtx")
    files(tmp_path, "kb/s3/counts_unfiltered/cells_x_genes.mtx", "kb/s3/counts_filtered/cells_x_genes.mtx")
    files(tmp_path, "s4/af_quant/alevin/quants_mat.mtx")
    assert seen(tmp_path) == {
        "s1": {"raw": "star/s1.Solo.out/GeneFull/raw", "filtered": "star/s1.Solo.out/GeneFull/filtered"},
        "s2": {"raw": "s2/Solo.out/Gene/raw"},
        "s3": {"raw": "kb/s3/counts_unfiltered", "filtered": "kb/s3/counts_filtered"},
        "s4": {"raw": "s4/af_quant"},
    }


@pytest.mark.parametrize(
    "places",
    [
        ["cellranger/count/{}/outs/raw_feature_bc_matrix.h5", "cellranger/mtx_conversions/{}_raw_matrix.h5ad"],
        ["star/{0}/{0}.Solo.out/Gene/raw/matrix.mtx.gz", "star/mtx_conversions/{}/x_raw_feature_bc_matrix.h5"],
        ["kallisto/{}.count/counts_unfiltered/cells_x_genes.mtx"],
        ["alevin/{}_alevin_results/af_quant/alevin/quants_mat.mtx"],
        ["simpleaf/{}/af_quant/alevin/quants_mat.mtx"],
    ],
)
def test_nf_core_scrnaseq(tmp_path, places):
    files(tmp_path, *(place.format(sample) for place in places for sample in ("p1_csf", "p1_blood")))
    assert list(seen(tmp_path)) == ["p1_blood", "p1_csf"]


def test_one_folder_as_from_geo(tmp_path):
    files(tmp_path, *(f"GSM1_p1_{one}" for one in ("matrix.mtx.gz", "barcodes.tsv.gz", "features.tsv.gz")))
    files(tmp_path, *(f"GSM2_p2_{kind}_feature_bc_matrix.h5" for kind in ("raw", "filtered")))
    assert seen(tmp_path) == {
        "GSM1_p1": {"raw": "GSM1_p1_matrix.mtx.gz"},
        "GSM2_p2": {k: f"GSM2_p2_{k}_feature_bc_matrix.h5" for k in ("raw", "filtered")},
    }


def test_names_are_told_apart_by_the_folders_above(tmp_path):
    for donor in ("p1", "p2"):
        files(tmp_path, *tenx(f"{donor}/csf/outs"), *tenx(f"{donor}/whole blood/outs"))
    assert list(seen(tmp_path)) == ["p1_csf", "p1_whole_blood", "p2_csf", "p2_whole_blood"]


@pytest.mark.parametrize(
    ("names", "line"),
    [
        ([], "no output of Cell Ranger .* in it; name the folder that has a folder for each sample"),
        ([*tenx("x y/outs"), *tenx("x_y/outs")], "nothing tells these samples apart, both would be 'x_y'"),
        (
            [*tenx("cr/s1/outs"), "star/s1/Solo.out/Gene/raw/matrix.mtx"],
            "'s1' of Cell Ranger and of STARsolo: each cell",
        ),
    ],
)
def test_what_cannot_be_told_is_one_line(tmp_path, names, line):
    files(tmp_path, *names)
    with pytest.raises(UserError, match=line):
        find_outputs(tmp_path)


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        find_outputs(tmp_path / "gone")


def test_a_link_upwards_is_no_endless_way(tmp_path):
    files(tmp_path, *tenx("s1/outs"))
    (tmp_path / "up").symlink_to(tmp_path)
    assert list(seen(tmp_path)) == ["s1"]
