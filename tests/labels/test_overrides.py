"""Lineages set by hand."""

import gzip
import random
import re

import numpy as np
import pandas as pd
import pytest

from compartments.core.errors import UserError
from compartments.core.files import read_json, read_tsv, write_tsv
from compartments.labels import overrides
from compartments.labels.lineages import read_lineage_map
from compartments.labels.markers import read_markers


@pytest.mark.parametrize(
    "row, message",
    [
        ("s1\tCELL0000-1\tTregg", "row 2, column lineage: 'Tregg' is no lineage"),
        ("s1\tCELL0000-1\tTreg\ns1\tCELL0000-1\tB", "row 3, column barcode: 'CELL0000-1' is there twice"),
        ("s1\t\tTreg", "row 2, column cluster: '' is empty"),
    ],
)
def test_bad_overrides_through_the_executable(sample, execute, row, message):
    folder, *_ = sample
    (folder / "o.tsv").write_text(f"sample\tbarcode\tlineage\n{row}\n")
    options = (
        "--cells",
        "s1.filtered.h5ad",
        "--model",
        "made_up.pkl",
        "--compartment",
        "CSF",
        "--label_overrides",
        "o.tsv",
    )
    done = execute("annotate_cells", *options)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (folder / "samples/s1/s1.labels.tsv.gz").exists()


def test_overrides_by_cluster(tmp_path, tables):
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tcluster\tlineage\n\t\t2\tB\ns1\tc1\t\tpDC\n")
    write_tsv(
        pd.DataFrame({"sample": ["s1", "s1", "s1", "s2"], "barcode": ["c1", "c2", "c3", "c2"], "leiden": [2, 2, 1, 2]}),
        tmp_path / "umap.tsv.gz",
    )
    path, umap = tmp_path / "o.tsv", tmp_path / "umap.tsv.gz"
    rows, lost = overrides.read_overrides(path, "s1", ["c1", "c2", "c3"], tables[0], umap)
    assert rows.to_dict("list") == {"barcode": ["c1", "c2"], "lineage": ["pDC", "B"]} and not lost
    # a row for one sample goes before one for all, whatever the order; a cell that is gone is said, not forgotten
    path.write_text("sample\tbarcode\tcluster\tlineage\ns2\t\t2\tNK\n\t\t2\tB\ns1\tgone\t\tpDC\n")
    assert overrides.read_overrides(path, "s2", ["c2"], tables[0], umap)[0]["lineage"].tolist() == ["NK"]
    rows, lost = overrides.read_overrides(path, "s1", ["c1", "c2"], tables[0], umap)
    assert rows["lineage"].tolist() == ["B", "B"] and lost == ["gone"]
    with pytest.raises(UserError, match="--label_clusters"):
        overrides.read_overrides(tmp_path / "o.tsv", "s1", ["c1"], tables[0])


def test_a_cluster_table_of_another_run_or_study_is_no_silent_nothing(tmp_path, tables):
    path, umap = tmp_path / "o.tsv", tmp_path / "umap.tsv.gz"
    samples = ["s1", "s2"]
    frame = pd.DataFrame({"sample": ["s1", "s1", "X9"], "barcode": ["c1", "c2", "q1"], "leiden": [2, 1, 7]})
    write_tsv(frame, umap)
    for row, message in [
        ("\t\t9", "row 2, column cluster: '9' is not a cluster of umap.tsv.gz"),
        ("\t\t7", "row 2, column cluster: '7' has no cell of this study in umap.tsv.gz; is it of another study"),
        ("s2\t\t2", "row 2, column cluster: '2' has no cell of the row's sample in umap.tsv.gz"),
    ]:
        path.write_text(f"sample\tbarcode\tcluster\tlineage\n{row}\tB\n")
        with pytest.raises(UserError, match=re.escape(message)):
            overrides.read_override_table(path, tables[0], umap, samples)
    path.write_text("sample\tbarcode\tcluster\tlineage\n\t\t2\tB\ns1\tgone\t\tB\n")
    rows, lost = overrides.read_overrides(path, "s1", ["other"], tables[0], umap)  # the same names, other cells
    assert rows.empty and lost == ["gone", "c1"]


@pytest.mark.parametrize("delimiter", ["\t", ","])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_cluster_table_as_a_spreadsheet_saves_it(tmp_path, tables, delimiter, encoding, packed):
    path, umap = tmp_path / "o.tsv", tmp_path / "umap.tsv.gz"
    path.write_text("sample\tbarcode\tcluster\tlineage\n\t\t2\tB\n")
    text = "cell\tsample\tbarcode\tleiden\ns1:c1\ts1\tc1\t2\nNA:c2\tNA\tc2\t2\n".replace("\t", delimiter)
    data = text.encode(encoding)
    umap.write_bytes(gzip.compress(data) if packed else data)
    _, cells = overrides.read_override_table(path, tables[0], umap, ["s1", "NA"])
    assert cells.to_numpy().tolist() == [["s1", "c1", "2"], ["NA", "c2", "2"]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (gzip.compress(b"sample\tbarcode\tleiden\ns1\tc1\t2\n" * 9, mtime=0)[:-12], "umap.tsv.gz: damaged or cut off"),
        (b"sample\tbarcode\n", "column 'leiden' is missing; it needs sample, barcode, leiden"),
        (b"sample\tbarcode\tleiden\ns1\tc1\t2\t9\n", "row 2: 4 fields but the header has 3"),
        (b"", "umap.tsv.gz is empty"),
        (b"\xff\x00\x81", "not text in UTF-8"),
    ],
)
def test_a_cluster_table_that_cannot_be_read_is_said_in_one_line(tmp_path, tables, data, message):
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tcluster\tlineage\n\t\t2\tB\n")
    (tmp_path / "umap.tsv.gz").write_bytes(data)
    with pytest.raises(UserError, match=message) as error:
        overrides.read_override_table(tmp_path / "o.tsv", tables[0], tmp_path / "umap.tsv.gz", ["s1"])
    assert len(str(error.value).splitlines()) == 1


def test_overrides_by_cluster_through_the_executable(sample, execute):
    folder, barcodes, names = sample
    umap = pd.DataFrame({"sample": "s1", "barcode": barcodes, "leiden": [names.index(x) for x in names]})
    write_tsv(umap, folder / "umap.tsv.gz")
    (folder / "o.tsv").write_text(
        f"sample\tbarcode\tcluster\tlineage\n\t\t4\tHSPC\ns1\tgone-1\t\tB\ns1\t{barcodes[4]}\t\tB\n"
    )
    options = ("--cells", "s1.filtered.h5ad", "--model", "made_up.pkl", "--compartment", "CSF")
    done = execute("annotate_cells", *options, "--label_overrides", "o.tsv", "--label_clusters", "umap.tsv.gz")
    assert done.returncode == 0, done.stderr
    labels = read_tsv(folder / "samples/s1/s1.labels.tsv.gz")
    plasma = np.array(names) == "Plasma cells"
    assert list(labels["lineage"][plasma]) == ["B"] + ["HSPC"] * 5 and not (labels["lineage"][~plasma] == "HSPC").any()
    assert set(labels["confidence"][plasma]) == {"override"}
    summary = read_json(folder / "samples/s1/s1.labels.json")
    assert summary["n_overrides"] == 6 and "1 cells of --label_overrides are not in the sample" in summary["warnings"]


def test_a_label_means_the_same_in_all_samples(tmp_path, tables):
    """`DC` is the kind where no sample names a finer one, else one of the kind: for the study, not by sample."""
    given = {"s1": ["DC", "ILC", "Classical monocytes", "Treg"], "s2": ["DC", "DC2", "ILC", "Monocytes"]}
    decided = overrides.meanings({label for labels in given.values() for label in labels}, tables[0])
    assert dict(decided.to_numpy().tolist()) == {"DC": "cDC2", "ILC": "NK_ILC", "Monocytes": "cMono"}
    write_tsv(decided, tmp_path / "m.tsv")
    said = overrides.read_meanings(tmp_path / "m.tsv")
    path = tmp_path / "o.tsv"
    for sample, labels in given.items():
        obs = pd.DataFrame({"given_label": labels}, index=[f"c{i}" for i in range(len(labels))])
        rows = overrides.labelled_rows(obs, tables[0], said).set_index("barcode")["lineage"]
        assert rows.iloc[0] == "cDC2" and "NK_ILC" in rows.to_list()
        path.write_text("sample\tbarcode\tlineage\n" + "".join(f"{sample}\tc{i}\t{x}\n" for i, x in enumerate(labels)))
        by_hand, _ = overrides.read_overrides(path, sample, list(obs.index), tables[0], said=said)
        assert by_hand.set_index("barcode")["lineage"].to_dict() == rows.to_dict()
    assert rows.tolist() == ["cDC2", "cDC2", "NK_ILC", "cMono"]
    assert overrides.meanings({"Treg", "DC1", "unassigned"}, tables[0]).empty and not overrides.read_meanings(None)


def test_words_for_no_label_stand_as_unassigned_and_states_are_named_by_the_model(tables):
    labels = ["Unknown", "NA", "None", "Doublet", "Unassigned", "Cycling cells", "Treg", ""]
    overrides.check_given("s1", labels[:-1], tables[0], "cell_type")
    rows = overrides.labelled_rows(pd.DataFrame({"given_label": labels}, index=list("abcdefgh")), tables[0])
    assert rows["lineage"].tolist() == ["unassigned"] * 5 + ["Treg"] and "f" not in set(rows["barcode"])
    given, place = {"Treg", "NA", "Doublet", "Cycling cells"}, "obs column 'cell_type' (--labels_key)"
    words, state = overrides.said_of_open(given, tables[0], place)
    assert words == "labels 'Doublet', 'NA' of obs column 'cell_type' (--labels_key) stand as unassigned"
    assert state.startswith("labels 'Cycling cells' of") and state.endswith("are states, and the model names the cells")
    assert overrides.said_of_open({"Treg"}, tables[0], "x") == []


def test_rows_without_a_lineage_leave_their_cells_to_the_model(tmp_path, tables):
    """As a file's own labels do: a table of all cells, of which some have a label."""
    rows = ["s1\tc1\tTreg", "s1\tc2\t", "s1\tc3\tCycling cells", "s1\tc4\tDoublet", "s1\tc5\tunassigned"]
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tlineage\n" + "\n".join(rows) + "\n")
    found, _ = overrides.read_overrides(tmp_path / "o.tsv", "s1", ["c1", "c2", "c3", "c4", "c5"], tables[0])
    assert dict(found.to_numpy()) == {"c1": "Treg", "c4": "unassigned", "c5": "unassigned"}
    labels, said = overrides.said_of_table(tmp_path / "o.tsv", tables[0])
    assert labels == {"Treg", "Cycling cells", "Doublet", "unassigned"} and said == [
        "labels 'Doublet' of column lineage (--label_overrides) stand as unassigned",
        "labels 'Cycling cells' of column lineage (--label_overrides) are states, and the model names the cells",
        "1 rows of --label_overrides have no lineage: the model names these cells",
    ]


def test_changed_tables_are_read_or_refused_in_one_line(root, tmp_path):
    """Random changes of overrides, lineage map and markers never end in a traceback."""
    assets, rng, path = root / "assets", random.Random(1), tmp_path / "t.tsv"
    lineages = read_lineage_map(assets / "celltypist_immune_all_low_lineage.tsv")
    by_hand = b"sample\tbarcode\tcluster\tlineage\ns1\tx\t\tB\ns2\ty\t\tpDC\n"
    tables = {
        by_hand: lambda: overrides.read_override_table(path, lineages, None, ["s1", "s2"]),
        (assets / "celltypist_immune_all_low_lineage.tsv").read_bytes()[:1500]: lambda: read_lineage_map(path),
        (assets / "markers.tsv").read_bytes()[:800]: lambda: read_markers(path, lineages),
    }
    for _ in range(150):
        for text, read in tables.items():
            changed = bytearray(text)
            for at in sorted(rng.randrange(len(text)) for _ in range(rng.randint(1, 4))):
                changed[at : at + rng.randint(0, 3)] = rng.choice(
                    [b'"', b"\t", b"\n", b",", b"#", b"\xff", b"", b"\r;"]
                )
            path.write_bytes(changed)
            try:
                read()
            except UserError as error:
                assert len(str(error).splitlines()) == 1
