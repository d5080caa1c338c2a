"""One sample with doublets and labels joined."""

import numpy as np
import pytest

from compartments.cohort.sample import load_annotated, read_annotated, without_doublets
from compartments.core.errors import UserError
from compartments.core.files import read_tsv, write_tsv
from tests.support.samples import merge_all


def test_files_that_do_not_belong_together(written):
    folder, study, _ = written
    labels = read_tsv(folder / "D0_CSF.labels.tsv.gz").iloc[1:]
    write_tsv(labels, folder / "D0_CSF.labels.tsv.gz")
    with pytest.raises(UserError, match="59 cells.*has 60"):
        merge_all(folder, study)


def test_what_scores_of_pairs_need_is_read_as_by_the_whole_reader(written):
    folder, _study, _ = written
    paths = [folder / f"D0_CSF.{kind}" for kind in ("filtered.h5ad", "doublets.tsv.gz", "labels.tsv.gz")]
    called = read_tsv(paths[1])
    write_tsv(called.assign(predicted_doublet=np.arange(len(called)) % 7 == 0), paths[1])
    found, whole = load_annotated(*paths), without_doublets(read_annotated(*paths))
    assert found.sample == whole.uns["sample"] and list(found.genes) == list(whole.var_names)
    assert 0 < whole.n_obs < len(called) and list(found.lineages) == list(whole.obs["lineage"])
    assert found.corrected.dtype == np.int32 and (found.corrected != whole.layers["corrected"]).nnz == 0
