"""The step: files, bytes, a bad file."""

import numpy as np

from benchmarks.studies import pseudobulk_study
from compartments.core import files
from tests.compare.test_genesets import CONTRACT, EFFECTS, SETS
from tests.support.pseudobulks import write_inputs


def test_executable(tmp_path, execute):
    rng = np.random.default_rng(4)
    lineages = {name: pseudobulk_study(rng, 2, 4, n_genes=200, set_size=40) for name in ("B", "NK")}
    write_inputs(tmp_path, lineages)
    (tmp_path / "sets.gmt").write_text("".join("\t".join([name, "d", *genes]) + "\n" for name, genes in SETS.items()))
    arguments = ["--study", "study.json", "--pseudobulk", "pseudobulk.h5ad", "--gene_sets", "sets.gmt", "--seed", 3]
    files_of_step = ("migration/scores.tsv", "migration/effects.tsv", "migration/donors.tsv", "skipped.tsv")
    contents = []
    for _ in range(2):
        done = execute("score_gene_sets", *arguments)
        assert done.returncode == 0, done.stderr
        contents.append([(tmp_path / name).read_bytes() for name in files_of_step])
    assert contents[0] == contents[1]
    scores, effects = (files.read_tsv(tmp_path / name) for name in files_of_step[:2])
    assert list(scores.columns) == CONTRACT.names("migration/scores.tsv") and list(effects.columns) == EFFECTS
    assert set(scores["lineage"]) == {"B", "NK", "all"} and len(scores) == 3 * 2 * 12
    assert len(effects) == 3 * 2 * 3
    values = files.read_tsv(tmp_path / "migration/donors.tsv")
    assert list(values.columns) == CONTRACT.names("migration/donors.tsv") and len(values) == len(effects) * 6
    (tmp_path / "sets.gmt").write_text("SET\n")
    done = execute("score_gene_sets", *arguments)
    assert done.returncode == 2 and done.stderr.startswith("ERROR: ") and "line 1" in done.stderr
    assert done.stderr.count("\n") == 1
