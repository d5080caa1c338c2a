"""Lineages set by hand."""

import random

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
