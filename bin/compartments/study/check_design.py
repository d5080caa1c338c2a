"""Check samplesheet, parameters and design before any compute; write study.json, samples.tsv, design.tsv, plan.txt."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from compartments.core.errors import UserError, problem_in


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samplesheet", required=True, help="CSV or TSV, one row per sample")
    parser.add_argument("--contrasts", help="CSV: condition, reference and optionally contrast")
    parser.add_argument("--params", help="JSON of the pipeline's parameters")
    parser.add_argument("--schema", help="nextflow_schema.json, to check --params against")
    parser.add_argument("--lr_resource", help="ligand-receptor resource of LIANA by name, or a table: can it be read?")
    parser.add_argument("--interaction_groups", help="table of groups of pairs: can it be read?")
    parser.add_argument("--problems", help="write problems there and exit 0, so that the caller can say them")
    arguments = parser.parse_args()
    with problem_in(arguments.problems) if arguments.problems else nullcontext():
        check(arguments)


def check(arguments):
    from compartments.core.files import read_json
    from compartments.study.parameters import check_parameters

    given = read_json(arguments.params) if arguments.params else {}
    if arguments.schema:
        problems = check_parameters(given, read_json(arguments.schema))
        if problems:
            raise UserError("; ".join(problems))

    from compartments.core.files import write_tsv
    from compartments.study.ambient_choice import foresee
    from compartments.study.plan import design_table, plan
    from compartments.study.samplesheet import parse_samplesheet
    from compartments.study.study import make_study

    sheet = parse_samplesheet(read_text(arguments.samplesheet), Path(arguments.samplesheet).name)
    study = make_study(
        sheet,
        reference_compartment=str(given.get("reference_compartment") or ""),
        reference_condition=str(given.get("reference_condition") or ""),
        contrasts=read_text(arguments.contrasts) if arguments.contrasts else None,
        covariates=names_in(given.get("covariates")),
        primary_lineages=names_in(given.get("primary_lineages")),
    )
    check_pairs(arguments)
    table = design_table(study)
    study.save("study.json")
    write_tsv(study.samples, "samples.tsv")
    write_tsv(table, "design.tsv")
    inputs = study.samples.reindex(columns=["sample", "raw", "filtered", "cellbender"]).fillna("").to_dict("records")
    mixed = str(given.get("allow_mixed_ambient", "")).lower() == "true"
    outlook = foresee(inputs, str(given.get("ambient_method") or "auto"), mixed)
    Path("plan.txt").write_text(plan(study, table) + outlook)


def check_pairs(arguments):
    """Read the resource of pairs and the user's groups now rather than after every sample is annotated."""
    if arguments.lr_resource:
        from compartments.core.pairs import read_groups, read_resource

        resource = read_resource(arguments.lr_resource)
        if arguments.interaction_groups:
            read_groups(arguments.interaction_groups, resource)


def names_in(text):
    return [name.strip() for name in str(text or "").split(",") if name.strip()]


def read_text(path):
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{Path(path).name}: not a text file in UTF-8 (byte {error.start}); save it as CSV UTF-8"
        ) from error
