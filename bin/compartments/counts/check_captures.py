"""Check that no cells are given twice, and say where files differ in the genes that they list or in chemistry."""

from argparse import Namespace

from compartments.core.files import write_text
from compartments.core.options import Options

STEP = "check_captures"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--study", required=True, help="study.json of check_design")
    parser.add_argument("--cells", nargs="*", default=[], help="<s>.cells.json of inspect_input")
    parser.add_argument("--beside", nargs="*", default=[], help="<s>.<column>.beside.json of the samples' other files")
    return parser.parse_args()


def main() -> None:
    """One line per problem in ``problems.txt``, per difference in ``notes.txt``; empty files when there is none."""
    args = arguments()
    from compartments.core.files import read_json
    from compartments.counts.inspection import of_files
    from compartments.counts.lanes import alike, problems
    from compartments.counts.looks import read_looks
    from compartments.counts.organisms import other_species
    from compartments.study.study import Study

    found, samples = read_looks(args.cells), Study.load(args.study).samples
    rows = dict(zip(samples["sample"], samples["row"].astype(int), strict=True))
    files = [*found, *map(read_json, args.beside)]
    for one in files:
        one["row"] = rows[one["sample"]]
    wrong = [*problems(found, samples), *other_species(files)]
    write_text("".join(f"samplesheet {problem}\n" for problem in wrong), "problems.txt")
    write_text(
        "".join(f"note: {sentence}\n" for sentence in [*of_files(found, samples), *alike(found, samples)]), "notes.txt"
    )
