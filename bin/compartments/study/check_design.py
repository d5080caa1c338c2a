"""Check samplesheet, parameters and design before any compute; write study.json, samples.tsv, design.tsv, plan.txt."""

import argparse
from contextlib import nullcontext
from pathlib import Path

from compartments.core.contract import Contract
from compartments.core.errors import UserError, problem_in
from compartments.core.files import read_json, write_text
from compartments.core.options import Options
from compartments.core.vocabulary import CHOICES, INPUTS

STEP = "check_design"


def arguments() -> argparse.Namespace:
    options = Options(STEP, __doc__)
    options.add_argument("--samplesheet", required=True, help="CSV or TSV, one row per sample")
    options.add_argument("--contrasts", help="CSV: condition, reference and optionally contrast")
    options.add_argument("--params", help="JSON of the pipeline's parameters")
    options.add_argument("--schema", help="nextflow_schema.json, to check --params against")
    options.add_argument("--lr_resource", help="ligand-receptor resource of LIANA by name, or a table: can it be read?")
    options.add_argument("--interaction_groups", help="table of groups of pairs: can it be read?")
    options.add_argument("--gene_sets", nargs="+", default=[], help="GMT files: can they be read?")
    options.add_argument("--pathways", nargs="+", default=[], help="GMT files: can they be read?")
    options.add_argument("--regulators", nargs="+", default=[], help="tables of source, target, weight: as above")
    options.add_argument("--palette", help="table of colours and order of lineages: can it be read?")
    options.add_argument("--label_overrides", help="labels by hand: those of each sample go to by_hand/<s>.tsv")
    options.add_argument("--logo", help="picture in the head of the report: can a page show it?")
    options.add_argument("--problems", help="write problems there and exit 0, so that the caller can say them")
    return options.parse_args()


def main() -> None:
    given = arguments()
    parameters = read_json(given.params) if given.params else {}
    with problem_in(given.problems) if given.problems else nullcontext():
        if given.schema:
            _check_parameters(parameters, given.schema)
        _check_study(given, parameters)
        if given.params:
            Contract.of(STEP).write_summary(parameters, "pipeline_info/params.json")


def _check_parameters(parameters: dict[str, object], schema: str) -> None:
    from compartments.study.parameters import check_parameters

    problems = check_parameters(parameters, read_json(schema))
    if problems:
        raise UserError("; ".join(problems))


def _check_study(given: argparse.Namespace, parameters: dict[str, object]) -> None:
    from compartments.core.gene_sets import merge_sets
    from compartments.core.networks import merge_networks
    from compartments.core.palette import read_palette, unknown_names
    from compartments.core.pictures import logo_of
    from compartments.core.sheets import read_text
    from compartments.study.ambient_choice import foresee
    from compartments.study.asking import ask
    from compartments.study.by_hand import write_by_hand
    from compartments.study.captures import check_files
    from compartments.study.covariates import chosen_covariates
    from compartments.study.models import check_models
    from compartments.study.parameters import names_in
    from compartments.study.plan import design_table, plan
    from compartments.study.samplesheet import parse_samplesheet
    from compartments.study.slips import check_slips

    name = Path(given.samplesheet).name
    sheet = parse_samplesheet(read_text(given.samplesheet), name)
    covariates = names_in(parameters.get("covariates"))
    check_files(sheet, name, strict=_true(parameters, "strict"))
    if _true(parameters, "strict"):
        check_slips(sheet, chosen_covariates(sheet, covariates), name)
    contrasts = read_text(given.contrasts) if given.contrasts else None
    study, ordered = ask(sheet, parameters, contrasts)
    check_models(parameters.get("celltypist_model"), study.compartments)
    _check_pairs(given.lr_resource, given.interaction_groups)
    merge_sets(given.gene_sets)
    merge_sets(given.pathways)
    merge_networks(given.regulators)
    known = {column: list(study.samples[column].unique()) for column in ("condition", "compartment")}
    strange = unknown_names(read_palette(given.palette), known) if given.palette else []
    if given.label_overrides:
        write_by_hand(given.label_overrides, study.samples["sample"])
    if given.logo:
        logo_of(given.logo)
    design = design_table(study)
    contract = Contract.of(STEP)
    study.save("study.json")
    ordered.save("ordered.json")
    ordered.compared().save("compared.json")
    contract.write(study.samples, "samples.tsv")
    contract.write(design, "design.tsv")
    inputs = study.samples.reindex(columns=["sample", *INPUTS, *CHOICES]).fillna("").to_dict("records")
    method = str(parameters.get("ambient_method") or "auto")
    outlook = foresee(inputs, method, _true(parameters, "allow_mixed_ambient"))
    write_text(plan(study, design) + outlook + "".join(f"note: {one}\n" for one in strange), "plan.txt")


def _true(parameters: dict[str, object], name: str) -> bool:
    return str(parameters.get(name, "")).lower() == "true"


def _check_pairs(resource_name: str | None, groups: str | None) -> None:
    """Read the resource of pairs and the user's groups now rather than after every sample is annotated."""
    from compartments.core.pairs import read_groups, read_resource

    if resource_name:
        resource = read_resource(resource_name)
        if groups:
            read_groups(groups, resource)
