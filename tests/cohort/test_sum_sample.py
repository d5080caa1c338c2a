"""The step that sums a sample."""

import numpy as np

from compartments.core.files import read_tsv, write_tsv
from tests.support.samples import write_sample


def given(folder):
    kinds = {"filtered": "filtered.h5ad", "doublets": "doublets.tsv.gz", "labels": "labels.tsv.gz"}
    return ["sum_sample", *(word for name, kind in kinds.items() for word in (f"--{name}", folder / f"S.{kind}"))]


def test_the_same_bytes_twice_and_a_sample_of_doublets_alone(tmp_path, execute):
    write_sample(tmp_path, "S", np.random.default_rng(0))
    contents = []
    for _ in range(2):
        done = execute(*given(tmp_path))
        assert done.returncode == 0 and read_tsv(tmp_path / "skipped.tsv").empty, done.stderr
        contents.append((tmp_path / "samples/S/S.sums.h5ad").read_bytes())
        (tmp_path / "samples/S/S.sums.h5ad").unlink()
    assert contents[0] == contents[1]
    called = read_tsv(tmp_path / "S.doublets.tsv.gz")
    write_tsv(called.assign(predicted_doublet=True), tmp_path / "S.doublets.tsv.gz")
    done = execute(*given(tmp_path))
    skipped = read_tsv(tmp_path / "skipped.tsv")
    assert done.returncode == 0 and list(skipped["sample"]) == ["S"]
    assert not (tmp_path / "samples/S/S.sums.h5ad").exists()
    assert skipped["reason"][0] == "no cell left after doublets"
