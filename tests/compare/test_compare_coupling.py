"""The step compare_coupling."""

import anndata
import numpy as np
import pandas as pd
import pytest

from compartments.compare.distance import arm_distances
from compartments.core.contract import Contract
from compartments.core.files import read_tsv, write_tsv
from compartments.core.left_out import LeftOut
from tests.support.cohorts import analysed, coupled
from tests.support.pseudobulks import expression_table


def test_executable(tmp_path, execute):
    study, found = analysed()
    study.save(tmp_path / "study.json")
    write_tsv(found.effects, tmp_path / "effects.tsv")
    write_tsv(found.donors, tmp_path / "donors.tsv")
    expression_table(np.random.default_rng(4)).to_parquet(tmp_path / "treated_vs_untreated.parquet")
    options = ["--study", "study.json", "--composition", "effects.tsv", "--donors", "donors.tsv"]
    done = execute("compare_coupling", *options, "--expression", "treated_vs_untreated.parquet")
    assert done.returncode == 0, done.stderr
    names = ["coupling/coupling.tsv", "coupling/drivers.tsv", "coupling/concordance.tsv", "skipped.tsv"]
    first = {name: (tmp_path / name).read_bytes() for name in names}
    table = read_tsv(tmp_path / "coupling" / "coupling.tsv")
    assert list(table) == Contract.of("compare_coupling").names("coupling/coupling.tsv")
    direct = coupled(study, found)[0]
    assert table["tau_u"].iloc[0] == pytest.approx(direct["tau_u"].iloc[0], rel=1e-6, abs=1e-8)
    assert read_tsv(tmp_path / "coupling" / "concordance.tsv")["contrast"].tolist() == ["treated_vs_untreated"]
    execute("compare_coupling", *options, "--expression", "treated_vs_untreated.parquet")
    assert first == {name: (tmp_path / name).read_bytes() for name in names}
    write_tsv(found.effects.drop(columns="se"), tmp_path / "effects.tsv")
    bad = execute("compare_coupling", *options)
    assert bad.returncode == 2 and "column 'se' is missing" in bad.stderr and len(bad.stderr.splitlines()) == 1


def test_executable_writes_headers_where_nothing_can_be_told(tmp_path, execute):
    study, found = analysed(arms=(1, 1))
    study.save(tmp_path / "study.json")
    write_tsv(found.effects, tmp_path / "effects.tsv")
    write_tsv(found.donors, tmp_path / "donors.tsv")
    done = execute(
        "compare_coupling", "--study", "study.json", "--composition", "effects.tsv", "--donors", "donors.tsv"
    )
    assert done.returncode == 0, done.stderr
    for name in ("coupling", "drivers", "concordance", "edistance"):
        table = read_tsv(tmp_path / "coupling" / f"{name}.tsv")
        assert len(table) == 0 and list(table) == Contract.of("compare_coupling").names(f"coupling/{name}.tsv")
    assert "no residual degrees of freedom" in (tmp_path / "skipped.tsv").read_text()


def test_executable_writes_the_table(tmp_path, execute):
    study, found = analysed()
    study.save(tmp_path / "study.json")
    write_tsv(found.effects, tmp_path / "effects.tsv")
    write_tsv(found.donors, tmp_path / "donors.tsv")
    cells = study.samples.loc[study.samples.index.repeat(12), ["sample"]].reset_index(drop=True)
    cells["lineage"] = pd.Categorical(["CD4_T"] * len(cells))
    pca = np.random.default_rng(5).normal(size=(len(cells), 3)).astype(np.float32)
    cells.index = cells.index.astype(str)
    anndata.AnnData(obs=cells, obsm={"X_pca": pca}).write_h5ad(tmp_path / "cohort.h5ad")
    options = ["--study", "study.json", "--composition", "effects.tsv", "--donors", "donors.tsv"]
    done = execute("compare_coupling", *options, "--cohort", "cohort.h5ad")
    assert done.returncode == 0, done.stderr
    direct = arm_distances(cells.reset_index(drop=True), pca, study, LeftOut("compare_coupling"))
    table = read_tsv(tmp_path / "coupling" / "edistance.tsv")
    assert list(table) == Contract.of("compare_coupling").names("coupling/edistance.tsv")
    np.testing.assert_allclose(table["edistance"], direct["edistance"], rtol=1e-5)
