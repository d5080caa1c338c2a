"""Answer the five questions of a study in plain sentences, from the effects tables."""

import argparse

FILES = {
    "study": "study.json",
    "composition": "composition/effects.tsv",
    "composition_json": "composition/composition.json",
    "calls": "composition/calls.tsv",
    "single_case": "composition/single_case.tsv",
    "migration": "migration/effects.tsv",
    "centrality": "interactions/centrality_effects.tsv",
    "interaction_groups": "interactions/groups.tsv",
    "coupling": "coupling/coupling.tsv",
    "drivers": "coupling/drivers.tsv",
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", metavar="DIR", help="results tree; the options below name single files instead")
    for name, file in FILES.items():
        parser.add_argument(f"--{name}", metavar="FILE", help=f"[DIR/{file}; absent: said to be unfinished]")
    parser.add_argument(
        "--equiv_margin", type=float, help="equivalence margin, log2 [that of composition.json, else 1]"
    )
    parser.add_argument("--alpha", type=float, default=0.05, help="largest q of a claim [0.05]")
    parser.add_argument("--out", default="findings.tsv", help="[findings.tsv]")
    args = parser.parse_args()

    from pathlib import Path

    from compartments.core.errors import UserError
    from compartments.core.files import read_json, read_tsv, write_tsv
    from compartments.findings.findings import Tables, write_findings
    from compartments.study.study import Study

    paths = {}
    for name, file in FILES.items():
        given = getattr(args, name)
        if given and not Path(given).is_file():
            raise UserError(f"--{name} {given}: no such file")
        default = Path(args.results, file) if args.results else None
        paths[name] = given or (default if default and default.is_file() else None)
    if not paths["study"]:
        raise UserError("study.json is missing: give --study, or --results with the folder that holds it")
    summary = read_json(paths["composition_json"]) if paths["composition_json"] else {}
    margin = args.equiv_margin if args.equiv_margin is not None else summary.get("equiv_margin", 1.0)
    if margin <= 0:
        raise UserError(f"--equiv_margin {margin:g} is not positive; give a fold change in log2, as 1")
    if not 0 < args.alpha < 1:
        raise UserError(f"--alpha {args.alpha:g} is not between 0 and 1")

    def table(name, required):
        return read_tsv(paths[name], required) if paths[name] else None

    effects = ["contrast", "term", "compartment", "se", "df", "ci_low", "ci_high", "q_value", "tier"]
    tables = Tables(
        composition=table("composition", [*effects, "level", "lineage", "scale", "log2fc", "call", "call_p", "call_q"]),
        calls=table("calls", ["level", "lineage", "contrast", "compartment", "call", "p_value", "q_value", "holds"]),
        single_case=table("single_case", ["level", "lineage", "contrast", "term", "outside_reference_range"]),
        migration=table("migration", [*effects, "gene_set", "primary", "lineage", "estimate", "call"]),
        centrality=table("centrality", [*effects, "network", "lineage", "estimate", "call"]),
        groups=table("interaction_groups", [*effects, "group", "source", "target"]),
        coupling=table(
            "coupling", ["contrast", "compartment", "level", "scale", "tau_u", "tau_low", "tau_high", "tier", "verdict"]
        ),
        drivers=table("drivers", ["contrast", "compartment", "level", "left_out", "kind", "tau_u"]),
        composition_summary=summary,
    )
    write_tsv(write_findings(Study.load(paths["study"]), tables, args.alpha, margin), args.out)
