"""The step score_centrality."""

import pandas as pd

from tests.support.annotated import PAIRS, toy, write_sample


def test_executable(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30, 25, 4))
    pairs, groups = tmp_path / "pairs.tsv", tmp_path / "groups.tsv"
    PAIRS.to_csv(pairs, sep="\t", index=False)
    PAIRS.iloc[:2].assign(group="chemokine").to_csv(groups, sep="\t", index=False)
    arguments = write_sample(tmp_path, counts, genes, lineages)
    command = ["score_centrality", *arguments, "--lr_resource", pairs, "--migration_pairs", groups, "--n_perms", 20]
    done = execute(*command)
    assert done.returncode == 0, done.stderr
    nodes = pd.read_csv(tmp_path / "S1.centrality.tsv", sep="\t")
    columns = ["sample", "network", "lineage", "n_cells", "out_strength", "in_strength", "pagerank"]
    columns += ["pagerank_reverse", "hub", "authority", "betweenness", "share", "share_downsampled", "rank"]
    assert list(nodes) == [*columns, "p_permutation"]
    assert nodes.groupby("network").size().to_dict() == {"all": 2, "migration": 2}
    edges = pd.read_csv(tmp_path / "S1.network.tsv", sep="\t")
    assert list(edges) == ["sample", "network", "source", "target", "strength", "strength_downsampled"]
    assert pd.read_csv(tmp_path / "skipped.tsv", sep="\t")["lineage"].tolist() == ["T2"]
    first = (tmp_path / "S1.centrality.tsv").read_bytes()
    execute(*command)
    assert (tmp_path / "S1.centrality.tsv").read_bytes() == first


def test_executable_skips_one_lineage_and_refuses_bad_groups(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30,))
    pairs = tmp_path / "pairs.tsv"
    PAIRS.to_csv(pairs, sep="\t", index=False)
    arguments = [*write_sample(tmp_path, counts, genes, lineages), "--lr_resource", pairs, "--migration_pairs"]
    bad = execute("score_centrality", *arguments, pairs)
    assert bad.returncode == 2
    assert "column 'group' missing" in bad.stderr
    pairs.write_text("group\tligand\treceptor\nx\tL1\tR1\n")
    done = execute("score_centrality", *arguments, pairs)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "S1.centrality.tsv").exists()
    assert "a network needs two" in (tmp_path / "skipped.tsv").read_text()
