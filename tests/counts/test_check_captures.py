"""The step that looks for cells that are given twice."""

import hashlib

import numpy as np
from scipy import sparse

from compartments.core.files import read_json, write_json
from compartments.study.design import make_study
from compartments.study.samplesheet import parse_samplesheet
from tests.support.matrices import N_GENES, some_counts, write_h5

HEADER = "sample,donor,compartment,condition,raw\n"


def inspected(execute, folder, sample, *further):
    """What inspect_input keeps of a sample's file."""
    content = (folder / f"{sample}.h5").read_bytes()
    (folder / "input.sha256").write_text(f"{hashlib.sha256(content).hexdigest()}  {sample}.h5\n")
    given = ("--sample", sample, "--column", "raw", "--path", f"{sample}.h5")
    assert execute("inspect_input", *given, "--digests", "input.sha256", *further).returncode == 0
    assert (folder / "problems.txt").read_text() == ""
    return read_json(folder / f"{sample}.cells.json")


def test_lanes_are_refused_before_any_compute(tmp_path, execute):
    rows = ["a1,A,CSF,x,a1.h5", "a2,A,CSF,x,a2.h5", "b,B,CSF,y,b.h5", "b2,B,CSF,y,b2.h5"]
    make_study(parse_samplesheet(HEADER + "\n".join(rows)), reference_condition="y").save(tmp_path / "study.json")
    rng = np.random.default_rng(0)
    drawn = {name: ["".join(rng.choice(list("ACGT"), 16)) for _ in range(60)] for name in ("a", "b", "b2")}
    for sample, names in {"a1": drawn["a"], "a2": drawn["a"], "b": drawn["b"], "b2": drawn["b2"]}.items():
        counts = sparse.csr_matrix(np.tri(60, N_GENES, dtype=np.int32) * rng.integers(1, 4, (60, 1), dtype=np.int32))
        write_h5(tmp_path / f"{sample}.h5", counts, barcodes=[f"{name}-1" for name in names])
    for sample in ("a1", "a2"):
        kept = inspected(execute, tmp_path, sample, "--barcodes")
        assert set(kept["barcodes"]) == set(drawn["a"]) and "row" not in kept and len(kept["content"]) == 64
    for sample in ("b", "b2"):
        found = kept | {"sample": sample, "content": sample, "barcodes": dict.fromkeys(drawn[sample], 9)}
        write_json(found, tmp_path / f"{sample}.cells.json")
    looks = [f"{row.split(',')[0]}.cells.json" for row in rows]
    assert execute("check_captures", "--study", "study.json", "--cells", *looks).returncode == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert line.startswith("samplesheet rows 2 and 3: 'a1' and 'a2' (donor 'A', CSF, x) share 100% of their barcodes")


def test_files_that_differ_are_said_before_any_compute(tmp_path, execute):
    """Two references that go with the arms, one gene of two names, two chemistries, from the looks into the files."""
    rows = [f"s{k},D{k},CSF,{'xy'[k // 2]},s{k}.h5" for k in range(4)]
    make_study(parse_samplesheet(HEADER + "\n".join(rows)), reference_condition="y").save(tmp_path / "study.json")
    for k in range(4):
        write_h5(tmp_path / f"s{k}.h5", some_counts(seed=k))
        kept = inspected(execute, tmp_path, f"s{k}")
        assert len(kept["genes"]["symbol"]) == len(kept["genes"]["gene_id"]) == N_GENES and len(kept["made"]) == 3
        if k < 2:
            kept["genes"] = {
                "symbol": [*kept["genes"]["symbol"][:5], "NEW", *kept["genes"]["symbol"][6:-2]],
                "gene_id": kept["genes"]["gene_id"][:-2],
            }
        write_json(
            kept | {"made": ["Single Cell 5' PE" if k < 2 else "Single Cell 3' v3", {}, False]},
            tmp_path / f"s{k}.cells.json",
        )
    looks = [f"s{k}.cells.json" for k in range(4)]
    assert execute("check_captures", "--study", "study.json", "--cells", *looks).returncode == 0
    notes = (tmp_path / "notes.txt").read_text().splitlines()
    assert (tmp_path / "problems.txt").read_text() == "" and all(line.startswith("note: ") for line in notes)
    assert (
        f"list 1 of {N_GENES - 2} genes in s0 and s1; list 2 of {N_GENES} genes in s2 and s3: 2 of {N_GENES} genes"
        in notes[0]
    )
    assert notes[1].startswith("note: in CSF the list of genes goes with condition (x: list 1")
    assert "genes that files name otherwise, joined by Ensembl id: 1 (NEW, " in notes[2]
    assert notes[3].startswith("note: samples differ in chemistry: 5' in s0 and s1; 3' v3 in s2 and s3")
    assert (
        notes[4].startswith("note: in CSF chemistry goes with condition (x: 5' (2); y: 3' v3 (2))") and len(notes) == 5
    )
    one = [looks[2], looks[3]]
    assert execute("check_captures", "--study", "study.json", "--cells", *one).returncode == 0
    assert (tmp_path / "notes.txt").read_text() == ""


def test_barcodes_are_kept_only_where_they_are_asked_for(tmp_path, execute):
    write_h5(tmp_path / "a.h5", some_counts())
    assert inspected(execute, tmp_path, "a")["barcodes"] == {}


def test_a_sample_of_another_species_is_refused_before_any_compute(tmp_path, execute):
    rows = [f"s{k},D{k},CSF,{'xy'[k // 2]},s{k}.h5" for k in range(4)]
    make_study(parse_samplesheet(HEADER + "\n".join(rows)), reference_condition="y").save(tmp_path / "study.json")
    of_mice = {"symbols": [f"Gene{n}" for n in range(N_GENES)], "ids": [f"ENSMUSG{n:011d}" for n in range(N_GENES)]}
    for k in range(4):
        write_h5(tmp_path / f"s{k}.h5", some_counts(seed=k), **(of_mice if k == 2 else {}))
        inspected(execute, tmp_path, f"s{k}")
    looks = [f"s{k}.cells.json" for k in range(4)]
    assert execute("check_captures", "--study", "study.json", "--cells", *looks).returncode == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert line == (
        "samplesheet row 4, column raw: sample 's2' has mouse genes, and 3 of 4 files have human ones; analyse each "
        "species by itself"
    )
    given = ("--sample", "s0", "--column", "filtered", "--path", "s2.h5")  # beside a raw file of human genes
    assert execute("inspect_input", *given).returncode == 0
    assert not (tmp_path / "s0.filtered.cells.json").exists()
    beside = ("--cells", "s0.cells.json", "s1.cells.json", "--beside", "s0.filtered.beside.json")
    assert execute("check_captures", "--study", "study.json", *beside).returncode == 0
    assert (tmp_path / "problems.txt").read_text() == (
        "samplesheet row 2, column filtered: sample 's0' has mouse genes, and 2 of 3 files have human ones; analyse "
        "each species by itself\n"
    )
    execute("check_captures", "--study", "study.json", "--cells", "s2.cells.json")
    assert (tmp_path / "problems.txt").read_text() == ""
    assert (tmp_path / "notes.txt").read_text().startswith("note: mouse genes: markers, gene sets and human models")
