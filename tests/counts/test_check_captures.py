"""The step that looks for cells that are given twice."""

import hashlib

import numpy as np
from scipy import sparse

from compartments.core.files import read_json, write_json, write_tsv
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
    write_tsv(parse_samplesheet(HEADER + "\n".join(rows)), tmp_path / "samples.tsv")
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
    assert execute("check_captures", "--samples", "samples.tsv", "--cells", *looks).returncode == 0
    (line,) = (tmp_path / "problems.txt").read_text().splitlines()
    assert line.startswith("samplesheet rows 2 and 3: 'a1' and 'a2' (donor 'A', CSF, x) share 100% of their barcodes")


def test_barcodes_are_kept_only_where_they_are_asked_for(tmp_path, execute):
    write_h5(tmp_path / "a.h5", some_counts())
    assert inspected(execute, tmp_path, "a")["barcodes"] == {}
