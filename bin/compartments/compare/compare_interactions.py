"""Compare interactions between conditions: edges, groups of pairs, centrality, and across compartments."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from compartments.core.contract import Contract
from compartments.core.files import replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options
from compartments.core.vocabulary import MIGRATION_PAIRS

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from compartments.compare.engine import Comparison
    from compartments.study.study import Study

STEP = "compare_interactions"
OF_SAMPLE = ["donor", "compartment", "condition"]
TEXT = ["sample", *OF_SAMPLE, "source", "target", "ligand_complex", "receptor_complex"]  # columns of liana.parquet


def arguments() -> argparse.Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--pseudobulk", required=True, help="pseudobulk.h5ad of merge_samples")
    parser.add_argument("--liana", nargs="*", default=[], help="<sample>.liana.parquet of all samples")
    parser.add_argument("--centrality", nargs="*", default=[], help="<sample>.centrality.tsv of all samples")
    parser.add_argument("--networks", nargs="*", default=[], help="<sample>.network.tsv of all samples")
    parser.add_argument(
        "--lr_resource", default="consensus", help="a resource of LIANA, or a .tsv with columns ligand, receptor"
    )
    parser.add_argument("--migration_pairs", default=MIGRATION_PAIRS, help="groups of migration pairs")
    parser.add_argument("--groups", help="further groups of pairs: .tsv with columns group, ligand, receptor")
    return parser.parse_args()


def main() -> None:
    """Write the tables of ``interactions/``."""
    options = arguments()
    import anndata

    from compartments.cohort.specimens import of_specimens
    from compartments.compare.across import cross_compartments
    from compartments.compare.edges import compare_edges, score_top_edges
    from compartments.compare.gathered import check_groups, read_samples
    from compartments.compare.hubs import compare_centrality
    from compartments.compare.pair_scores import score_pseudobulk
    from compartments.compare.pathways import compare_groups
    from compartments.compare.untested import list_untested
    from compartments.core.pairs import check_genes, read_groups, read_resource
    from compartments.core.species import species_of
    from compartments.study.study import Study

    left_out, contract = LeftOut(STEP), Contract.of(STEP)
    captured = Study.load(options.study)
    study = captured.of_specimens()
    pseudobulk = of_specimens(anndata.read_h5ad(options.pseudobulk), study.samples, left_out)
    species = species_of(pseudobulk.var_names)
    resource = read_resource(options.lr_resource, species)
    migration = read_groups(options.migration_pairs, resource, species)
    further = read_groups(options.groups, resource, species) if options.groups else {}
    check_groups(further, migration, options.groups, left_out)
    unknown, _ = check_genes(resource, pseudobulk.var_names, options.lr_resource, options.pseudobulk)
    assume(pseudobulk, left_out)
    names = study.samples["sample"]
    names = names[names.isin(pseudobulk.obs["sample"].astype(str))]
    scores = score_pseudobulk(pseudobulk, names, resource, options.min_cells_pb)
    even = score_pseudobulk(pseudobulk, names, resource, options.min_cells_pb, one_depth=True)
    columns = {table: contract.names(f"interactions/{table}.tsv") for table in ("centrality", "network")}
    nodes = read_samples(options.centrality, study, columns["centrality"], ["network", "lineage"])
    edges = read_samples(options.networks, study, columns["network"], ["network", "source", "target"])

    effects = _write(contract, compare_edges(study, scores, left_out), "effects.tsv", "edge_donors.parquet")
    untested = list_untested(study, pseudobulk, scores, unknown, resource, effects, options.min_cells_pb)
    contract.write(effects, "interactions/effects.parquet")
    contract.write(score_top_edges(study, scores, effects), "interactions/top_edges.tsv")
    contract.write(untested, "interactions/not_testable.tsv")
    _write(contract, compare_groups(study, even, migration | further, left_out), "groups.tsv", "group_donors.tsv")
    contract.write(nodes, "interactions/centrality.tsv")
    contract.write(edges, "interactions/network.tsv")
    hubs = compare_centrality(study, nodes, edges, left_out)
    _write(contract, hubs, "centrality_effects.tsv", "centrality_donors.tsv")
    contract.write(cross_compartments(study, scores, migration, left_out), "interactions/cross_compartment.tsv")
    write_liana(options.liana, captured, "interactions/liana.parquet")
    left_out.write()


def _write(contract: Contract, found: "Comparison", effects: str, donors: str) -> "pd.DataFrame":
    """Write effects and the donors' values behind them; the effects."""
    contract.write(found.effects, f"interactions/{effects}")
    contract.write(found.donors(), f"interactions/{donors}")
    return found.effects


def assume(pseudobulk: "AnnData", left_out: LeftOut) -> None:
    """Take a tenth as ambient of the samples from which nothing was removed, and say so."""
    from compartments.cohort.ambient_genes import ASSUMED_AMBIENT, assume_ambient

    samples = assume_ambient(pseudobulk)
    if samples:
        left_out.add(
            f"no ambient RNA was removed from {len(samples)} samples: pairs are tested as if {ASSUMED_AMBIENT:.0%} of "
            "their counts, in the mix of the sample, were ambient"
        )


def write_liana(paths: Sequence[str], study: "Study", path: str) -> None:
    """Join the LIANA tables of all samples, one sample in memory at a time.

    Parameters
    ----------
    paths : sequence of path
        ``<sample>.liana.parquet``.
    study : Study
        Gives the order, and ``donor, compartment, condition`` of each sample.
    path : path
        Parquet with one row group per sample; written with columns only if there is no sample.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    samples = study.samples.set_index("sample")
    by_sample = {Path(given).name.removesuffix(".liana.parquet"): given for given in paths}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    kinds = dict.fromkeys(TEXT, pa.string())
    columns = Contract.of(STEP).names("interactions/liana.parquet")
    schema = pa.schema([(column, kinds.get(column, pa.float64())) for column in columns])
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for sample in samples.index[samples.index.isin(by_sample)]:
            table = pq.read_table(by_sample[sample])
            for column in OF_SAMPLE:
                table = table.append_column(column, pa.array([samples.at[sample, column]] * len(table)))
            writer.write_table(table.select(schema.names).cast(schema), row_group_size=max(len(table), 1))
