"""Check what labels and clusters rest on before any cell is read: models, lineage map, markers, overrides, names."""

import argparse

from compartments.core.errors import UserError, problem_in
from compartments.core.files import read_json, write_text
from compartments.core.options import Options

STEP = "check_labels"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    add = options.add_argument
    add("--study", required=True, help="study.json")
    add("--model", required=True, nargs="+", action="extend", help="CellTypist .pkl; the first decides")
    add("--lineage_map", required=True, help="TSV")
    add("--markers", required=True, help="TSV")
    add("--label_overrides", help="TSV")
    add("--label_clusters", help="umap.tsv.gz")
    add("--cells", nargs="*", default=[], help="<s>.cells.json of inspect_input, with the genes of each sample")
    add("--notes", help="where is written what costs no more than a sample")
    add("--problems", required=True, help="where a problem is written; the exit code stays 0")
    return options.parse_args()


def main() -> None:
    given = arguments()
    notes: list[str] = []
    with problem_in(given.problems):
        notes = _check(given)
    if given.notes:
        write_text("".join(f"note: {note}\n" for note in notes), given.notes)


def _check(given: argparse.Namespace) -> list[str]:
    """Sentences on what costs no more than a sample."""
    from compartments.labels.foresight import check_lineages, check_overlap, check_target
    from compartments.labels.integration import check_integration_key
    from compartments.labels.lineages import broad_lineages, check_labels, map_labels, read_lineage_map
    from compartments.labels.markers import read_markers
    from compartments.labels.model import load_model
    from compartments.labels.overrides import read_override_table
    from compartments.study.study import Study

    study = Study.load(given.study)
    models = [load_model(path) for path in given.model]
    lineage_map = read_lineage_map(given.lineage_map)
    read_markers(given.markers, lineage_map)
    check_labels(models[0].name, map_labels(models[0].labels, lineage_map))
    if given.label_overrides:
        samples = set(study.samples["sample"])
        read_override_table(given.label_overrides, lineage_map, given.label_clusters, samples)
    elif given.label_clusters:
        raise UserError("--label_clusters is given without --label_overrides, whose clusters it explains; give both")
    check_integration_key(given.integration_key, study)
    check_lineages(study.primary_lineages, broad_lineages(lineage_map), "primary_lineages")
    looked = sorted(map(read_json, given.cells), key=lambda cells: cells["sample"])
    listed = {cells["sample"]: cells["genes"] for cells in looked if "genes" in cells}
    notes = check_overlap(listed, models, given.min_overlap)
    return notes + (check_target(listed, given.target_gene) if given.target_gene and listed else [])
