"""Check what labels and clusters rest on before any cell is read: models, lineage map, markers, overrides, names.

Writes pipeline_info/: labelled.json, what is compared and what the models of the compartments can name; models.tsv;
label_meanings.tsv, what labels of the user mean that may mean two things.
"""

import argparse
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.errors import UserError, problem_in
from compartments.core.files import write_text
from compartments.core.options import Options

STEP = "check_labels"
ASSETS = Path(__file__).resolve().parents[3] / "assets"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    add = options.add_argument
    add("--study", required=True, help="study.json")
    add("--compared", required=True, help="the same without columns that no comparison looks at")
    add("--model", required=True, nargs="+", action="extend", help="CellTypist .pkl; the first decides")
    add("--compartment", nargs="*", default=[], help="which each model is for, empty for all")
    add("--by_name", nargs="*", default=[], help="files of models that are asked for by name, not by path")
    add("--known_models", default=ASSETS / "celltypist_models.tsv", help="TSV of CellTypist's models")
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
    from compartments.counts.looks import read_looks
    from compartments.labels.catalogue import check_published, read_catalogue
    from compartments.labels.choice import check_apart, models_for, models_table, with_named
    from compartments.labels.foresight import check_lineages, check_overlap, check_target, models_of_samples
    from compartments.labels.integration import check_integration_key
    from compartments.labels.lineages import broad_lineages, check_labels, map_labels, read_lineage_map
    from compartments.labels.markers import read_markers
    from compartments.labels.model import load_model
    from compartments.labels.overrides import check_given, meanings, read_override_table, said_of_open, said_of_table
    from compartments.study.parameters import names_in
    from compartments.study.study import Study

    study = Study.load(given.study)
    models, catalogue = [load_model(path) for path in given.model], read_catalogue(given.known_models)
    published = [
        check_published(model, path, catalogue) if model.name in given.by_name else None
        for model, path in zip(models, given.model, strict=True)
    ]
    lineage_map = read_lineage_map(given.lineage_map)
    read_markers(given.markers, lineage_map)
    compartments = given.compartment or [""] * len(models)
    for model in [one for one, of in zip(models, compartments, strict=True) if of] or models[:1]:
        check_labels(model.name, map_labels(model.labels, lineage_map))
    labels, of_table = set[str](), list[str]()  # that the user gives
    if given.label_overrides:
        samples = set(study.samples["sample"])
        read_override_table(given.label_overrides, lineage_map, given.label_clusters, samples)
        labels, of_table = said_of_table(given.label_overrides, lineage_map)
    elif given.label_clusters:
        raise UserError("--label_clusters is given without --label_overrides, whose clusters it explains; give both")
    check_integration_key(given.integration_key, study)
    for parameter, asked in (("primary_lineages", study.primary_lineages), ("zoom", names_in(given.zoom))):
        check_lineages(asked, broad_lineages(lineage_map), parameter)
    looks = read_looks(given.cells)
    for cells in looks:
        check_given(cells["sample"], cells.get("labels", []), lineage_map, given.labels_key or "")
        labels |= {*cells.get("labels", [])}
    listed = {cells["sample"]: cells["genes"] for cells in looks if "genes" in cells}
    models_of = {row.sample: models_for(row.compartment, models, compartments) for row in study.samples.itertuples()}
    for of_sample in models_of.values():
        check_apart(of_sample)
    models_of, notes = models_of_samples(listed, models_of)
    of_files = {label for one in looks for label in one.get("labels", [])}
    notes += of_table + said_of_open(of_files, lineage_map, f"obs column '{given.labels_key}' (--labels_key)")
    notes += check_overlap(listed, models_of, given.min_overlap)
    notes += check_target(listed, given.target_gene) if given.target_gene and listed else []
    place = Path("pipeline_info/labelled.json")
    place.parent.mkdir(exist_ok=True)
    with_named(Study.load(given.compared), models, compartments, lineage_map).save(place)
    sizes = [Path(path).stat().st_size for path in given.model]
    table = models_table(models, compartments, sizes, published)
    Contract.of(STEP).write(table, "pipeline_info/models.tsv")
    Contract.of(STEP).write(meanings(labels, lineage_map), "pipeline_info/label_meanings.tsv")
    return notes
