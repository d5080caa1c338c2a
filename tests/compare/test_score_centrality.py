"""The step score_centrality."""

import pandas as pd
import pytest

from tests.support.annotated import PAIRS, toy, write_sample


def arguments_of(folder, counts, genes, lineages, ambient=""):
    """Arguments that name the files of a sample and the genes that are ambient."""
    (folder / "ambient_genes.tsv").write_text(f"lineage\tgene\n{ambient}")
    files = write_sample(folder, counts, genes, lineages)
    return [*files, "--ambient_genes", folder / "ambient_genes.tsv"]


def test_executable(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30, 25, 4))
    pairs, groups = tmp_path / "pairs.tsv", tmp_path / "groups.tsv"
    PAIRS.to_csv(pairs, sep="\t", index=False)
    PAIRS.iloc[:2].assign(group="chemokine").to_csv(groups, sep="\t", index=False)
    arguments = arguments_of(tmp_path, counts, genes, lineages)
    command = ["score_centrality", *arguments, "--lr_resource", pairs, "--migration_pairs", groups, "--n_perms", 20]
    done = execute(*command)
    assert done.returncode == 0, done.stderr
    nodes = pd.read_csv(tmp_path / "S1.centrality.tsv", sep="\t")
    columns = ["sample", "network", "lineage", "n_cells", "median_umis", "out_strength", "in_strength", "pagerank"]
    columns += ["pagerank_reverse", "hub", "authority", "betweenness", "share", "share_downsampled", "rank"]
    assert list(nodes) == [*columns, "p_permutation"]
    assert nodes.groupby("network").size().to_dict() == {"all": 2, "migration": 2}
    edges = pd.read_csv(tmp_path / "S1.network.tsv", sep="\t")
    assert list(edges) == ["sample", "network", "source", "target", "strength", "strength_downsampled"]
    assert pd.read_csv(tmp_path / "skipped.tsv", sep="\t")["lineage"].tolist() == ["T2"]
    first = (tmp_path / "S1.centrality.tsv").read_bytes()
    execute(*command)
    assert (tmp_path / "S1.centrality.tsv").read_bytes() == first


def test_networks_have_the_genes_that_all_samples_have_under_their_names_in_the_cohort(execute, tmp_path):
    """The network of a file with a gene that others lack (L2) and an old name (R1 for NEW) is that without both."""
    counts, genes, lineages = toy(sizes=(30, 25))
    pairs, groups, table = (tmp_path / name for name in ("pairs.tsv", "groups.tsv", "genes.tsv"))
    named = PAIRS.replace({"receptor": {"R1": "NEW"}})
    named.to_csv(pairs, sep="\t", index=False)
    named.assign(group="chemokine").to_csv(groups, sep="\t", index=False)
    rows = ["gene\tgene_id\tother_names\tn_samples_without\tsamples_without", "L2\tL2\t\t1\tS2", "NEW\tNEW\tR1\t0\t"]
    table.write_text("\n".join(rows) + "\n")
    spoilt = tmp_path / "ambient_genes.tsv"
    spoilt.write_text("lineage\tgene\n")
    options = ["--lr_resource", pairs, "--migration_pairs", groups, "--n_perms", 20, "--ambient_genes", spoilt]

    def network(counts, genes, *further):
        done = execute("score_centrality", *write_sample(tmp_path, counts, genes, lineages), *options, *further)
        assert done.returncode == 0, done.stderr
        return (tmp_path / "S1.network.tsv").read_bytes()

    kept = [gene != "L2" for gene in genes]
    expected = network(counts[:, kept], ["NEW" if gene == "R1" else gene for gene in genes if gene != "L2"])
    assert network(counts, genes, "--genes", table) == expected != network(counts, genes)


def test_executable_skips_one_lineage_and_refuses_bad_groups(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(30,))
    pairs = tmp_path / "pairs.tsv"
    PAIRS.to_csv(pairs, sep="\t", index=False)
    arguments = [*arguments_of(tmp_path, counts, genes, lineages), "--lr_resource", pairs, "--migration_pairs"]
    bad = execute("score_centrality", *arguments, pairs)
    assert bad.returncode == 2
    assert "column 'group' missing" in bad.stderr
    pairs.write_text("group\tligand\treceptor\nx\tL1\tR1\n")
    done = execute("score_centrality", *arguments, pairs)
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "S1.centrality.tsv").exists()
    assert "a network needs two" in (tmp_path / "skipped.tsv").read_text()


def test_cells_are_thinned_to_the_share_given(execute, tmp_path):
    counts, genes, lineages = toy(sizes=(40, 35))
    pairs, groups = tmp_path / "pairs.tsv", tmp_path / "groups.tsv"
    PAIRS.to_csv(pairs, sep="\t", index=False)
    PAIRS.iloc[:2].assign(group="chemokine").to_csv(groups, sep="\t", index=False)
    arguments = [*arguments_of(tmp_path, counts, genes, lineages), "--lr_resource", pairs, "--migration_pairs", groups]
    umis = []
    for kept in ("1.0", "0.5"):
        done = execute("score_centrality", *arguments, "--n_perms", 10, "--umis_kept", kept)
        assert done.returncode == 0, done.stderr
        umis.append(pd.read_csv(tmp_path / "S1.centrality.tsv", sep="\t")["median_umis"].mean())
    assert umis[1] == pytest.approx(umis[0] / 2, rel=0.1)
    (tmp_path / "S1.centrality.tsv").unlink()
    done = execute("score_centrality", *arguments, "--umis_kept", 0)
    assert done.returncode == 0 and not (tmp_path / "S1.centrality.tsv").exists()
    assert "too few UMIs per cell" in (tmp_path / "skipped.tsv").read_text()
    done = execute("score_centrality", *arguments, "--umis_kept", 1.5)
    assert done.returncode == 2 and "--umis_kept" in done.stderr


def test_genes_that_are_ambient_in_a_lineage_do_not_count(execute, tmp_path):
    counts, genes, lineages = toy(seed=1, sizes=(40, 35))
    pairs, groups = tmp_path / "pairs.tsv", tmp_path / "groups.tsv"
    PAIRS.iloc[:1].to_csv(pairs, sep="\t", index=False)
    PAIRS.iloc[:1].assign(group="chemokine").to_csv(groups, sep="\t", index=False)
    arguments = arguments_of(tmp_path, counts, genes, lineages, ambient="T0\tL1\nT0\tG3\nNK\tR1\n")
    done = execute(
        *("score_centrality", *arguments, "--lr_resource", pairs, "--migration_pairs", groups, "--n_perms", 10)
    )
    assert done.returncode == 0, done.stderr
    edges = pd.read_csv(tmp_path / "S1.network.tsv", sep="\t").query("network == 'all'").set_index("source")
    assert edges.loc["T0", "strength"] == 0 and edges.loc["T1", "strength"] > 0
