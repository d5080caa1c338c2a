"""Check what labels and clusters rest on before any cell is read: models, lineage map, markers, overrides, names."""

import argparse

from compartments.core.errors import UserError, problem_in


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", required=True, help="study.json")
    parser.add_argument("--model", required=True, nargs="+", action="extend", help="CellTypist .pkl; the first decides")
    parser.add_argument("--lineage_map", required=True, help="TSV")
    parser.add_argument("--markers", required=True, help="TSV")
    parser.add_argument("--label_overrides", help="TSV")
    parser.add_argument("--label_clusters", help="umap.tsv.gz")
    parser.add_argument("--integration_key", default="donor", help="column of the samplesheet, or none")
    parser.add_argument("--problems", required=True, help="where a problem is written; the exit code stays 0")
    arguments = parser.parse_args()
    with problem_in(arguments.problems):
        check(arguments)


def check(arguments):
    from compartments.labels import annotation
    from compartments.labels.model import load_model
    from compartments.study.samplesheet import INPUTS
    from compartments.study.study import Study

    samples = Study.load(arguments.study).samples
    models = [load_model(path) for path in arguments.model]
    lineage_map = annotation.read_lineage_map(arguments.lineage_map)
    annotation.read_markers(arguments.markers, lineage_map)
    annotation.check_labels(models[0], annotation.map_labels(models[0].labels, lineage_map))
    if arguments.label_overrides:
        annotation.read_override_table(
            arguments.label_overrides, lineage_map, arguments.label_clusters, set(samples["sample"])
        )
    elif arguments.label_clusters:
        raise UserError("--label_clusters is given without --label_overrides, whose clusters it explains; give both")
    columns = [column for column in samples if column not in (*INPUTS, "row")]
    if arguments.integration_key not in [*columns, "none"]:
        raise UserError(
            f"--integration_key '{arguments.integration_key}' is no column of the samplesheet; "
            f"choose none or one of {', '.join(columns)}"
        )
