"""Labels are checked before any cell is read."""

import json
import os
import pickle
import re

import pytest

from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.models import GENES, make_model, write_model

CHECKS = {
    "model that runs code": ({"m.pkl": pickle.dumps(os.getcwd)}, ["--model", "m.pkl"], "model m.pkl.*would run"),
    "labels not in the map": ({"map.tsv": "lineage_map"}, ["--lineage_map", "map.tsv"], "not in the lineage map"),
    "unknown sample": (
        {"o.tsv": "s9\tx\t\tB"},
        ["--label_overrides", "o.tsv"],
        "row 2, column sample: 's9' is no sample",
    ),
    "unknown lineage": ({"o.tsv": "s1\tx\t\tBee"}, ["--label_overrides", "o.tsv"], "'Bee' is no lineage; one of B,"),
    "clusters of nowhere": ({"o.tsv": "s1\t\t3\tB"}, ["--label_overrides", "o.tsv"], "give the cohort/umap.tsv.gz"),
    "unknown cluster": (
        {"o.tsv": "\t\t3\tB", "u.tsv": "sample\tbarcode\tleiden\ns1\tx\t1\n"},
        ["--label_overrides", "o.tsv", "--label_clusters", "u.tsv"],
        "row 2, column cluster: '3' is not a cluster of u.tsv",
    ),
    "clusters alone": (
        {"u.tsv": "sample\tbarcode\tleiden\n"},
        ["--label_clusters", "u.tsv"],
        "without --label_overrides",
    ),
    "no such column": (
        {},
        ["--integration_key", "donors"],
        "'donors' is no column of the samplesheet; choose none or one",
    ),
    "a label of the file that nothing places": (
        {"s1.cells.json": json.dumps({"sample": "s1", "labels": ["Treg", "Bee cells"]})},
        ["--cells", "s1.cells.json", "--labels_key", "cell type"],
        r"sample 's1': 1 labels of obs column 'cell type' .--labels_key. are not in the lineage map .first: 'Bee",
    ),
    "all is well": ({"o.tsv": "s1\tx\t\tB"}, ["--label_overrides", "o.tsv", "--integration_key", "donor"], ""),
}


@pytest.mark.parametrize("case", CHECKS)
def test_labels_are_checked_before_any_cell_is_read(tmp_path, execute, root, case):
    files, options, expected = CHECKS[case]
    sheet = "sample,donor,compartment,condition,filtered\n" + "".join(
        f"s{i},d{i // 2},{'CSF' if i % 2 else 'blood'},{'ms' if i < 2 else 'control'},x.h5\n" for i in range(4)
    )
    study = make_study(
        parse_samplesheet(sheet), reference_compartment="", reference_condition="", contrasts=None, covariates=[]
    )
    study.save(tmp_path / "study.json")
    write_model(make_model(), tmp_path / "made_up.pkl")
    default_map = root / "assets" / "celltypist_immune_all_low_lineage.tsv"
    for name, content in files.items():
        if content == "lineage_map":
            kept = [line for line in default_map.read_text().splitlines() if not line.startswith("Naive B cells\t")]
            content = "\n".join(kept) + "\n"
        elif name == "o.tsv":
            content = f"sample\tbarcode\tcluster\tlineage\n{content}\n"
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    given = {"--model": "made_up.pkl", "--lineage_map": default_map, "--markers": root / "assets" / "markers.tsv"}
    given |= dict(zip(options[::2], options[1::2], strict=True))
    arguments = [part for pair in given.items() for part in pair]
    done = execute(
        "check_labels", "--study", "study.json", "--compared", "study.json", *arguments, "--problems", "problems.txt"
    )
    assert done.returncode == 0, done.stderr
    said = (tmp_path / "problems.txt").read_text()
    assert re.search(expected, said) if expected else said == ""
    assert said.count("\n") == (1 if expected else 0)


def test_what_labels_mean_is_decided_by_all_samples(tmp_path, execute, root):
    """Files and table by hand together: s2's DC2 decides what s1's DC is, wherever it stands."""
    text = "sample,donor,compartment,condition,filtered\ns1,A,CSF,ms,a.h5\ns2,B,CSF,control,b.h5\n"
    make_study(parse_samplesheet(text)).save(tmp_path / "study.json")
    write_model(make_model(), tmp_path / "m.pkl")
    for sample, labels in (("s1", ["ILC", "Monocytes"]), ("s2", ["NK cells", "Treg"])):
        (tmp_path / f"{sample}.cells.json").write_text(json.dumps({"sample": sample, "labels": labels}))
    (tmp_path / "o.tsv").write_text("sample\tbarcode\tlineage\ns1\tx\tDC\ns2\ty\tDC2\n")
    assets = root / "assets"
    given = ["--lineage_map", assets / "celltypist_immune_all_low_lineage.tsv", "--markers", assets / "markers.tsv"]
    given += ["--cells", "s1.cells.json", "s2.cells.json", "--labels_key", "cell_type", "--label_overrides", "o.tsv"]
    done = execute(
        "check_labels", "--study", "study.json", "--compared", "study.json", "--model", "m.pkl", *given,
        "--problems", "problems.txt",
    )  # fmt: skip
    assert done.returncode == 0 and not (tmp_path / "problems.txt").read_text(), done.stderr
    table = (tmp_path / "pipeline_info/label_meanings.tsv").read_text()
    assert table == "label\tlineage\nDC\tcDC2\nILC\tILC\nMonocytes\tMono_Mac\n"


@pytest.mark.parametrize(
    ("primary", "further", "expected"),
    [
        (["pDC", "Bcells"], {}, "--primary_lineages 'Bcells' is no lineage of the lineage map; did you mean 'B'"),
        (["pDC"], {"--zoom": "pDC,CD4T"}, "--zoom 'CD4T' is no lineage of the lineage map; did you mean 'CD4_T'"),
        (
            ["pDC"],
            {"--target_gene": "cd3e"},
            "--target_gene 'cd3e' is not among the genes of any sample; did you mean 'CD3E'",
        ),
        (["pDC"], {"--zoom": "pDC, B"}, ""),
    ],
)
def test_names_and_genes_are_checked_too(tmp_path, execute, root, primary, further, expected):
    text = "sample,donor,compartment,condition,filtered\na,A,CSF,ms,a.h5\nb,B,CSF,control,b.h5\n"
    study = make_study(parse_samplesheet(text), primary_lineages=primary)
    study.save(tmp_path / "study.json")
    write_model(make_model(), tmp_path / "m.pkl")
    for sample, symbols in (("a", GENES), ("b", GENES[:5])):
        genes = {"symbol": symbols, "gene_id": symbols}
        (tmp_path / f"{sample}.cells.json").write_text(json.dumps({"sample": sample, "genes": genes}))
    tables = ["--lineage_map", root / "assets" / "celltypist_immune_all_low_lineage.tsv"]
    tables += ["--markers", root / "assets" / "markers.tsv", "--cells", "a.cells.json", "b.cells.json"]
    given = ("--study", "study.json", "--compared", "study.json", "--model", "m.pkl", *tables)
    given += tuple(part for pair in ({"--target_gene": "CD3E"} | further).items() for part in pair)
    done = execute("check_labels", *given, "--problems", "problems.txt", "--notes", "notes.txt")
    assert done.returncode == 0, done.stderr
    said, notes = ((tmp_path / name).read_text() for name in ("problems.txt", "notes.txt"))
    assert said.startswith(expected) and bool(said) == bool(expected)
    assert ("note: sample 'b': holds" in notes) == (not expected)
