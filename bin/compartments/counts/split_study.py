"""Split one h5ad of a whole study into a file for each sample, with the samplesheet that names them."""

from argparse import Namespace
from pathlib import Path

from compartments.core.errors import problem_in
from compartments.core.files import write_text
from compartments.core.options import Options

STEP = "split_study"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--path", required=True, help="h5ad of all samples")
    parser.add_argument("--samplesheet", help="what is known of the samples, without files; else obs says it")
    parser.add_argument("--sample_table", help="barcode, sample: in place of --sample_key")
    parser.add_argument("--hashtags", help="tag, sample: samples by the counts of their tags, in place of --sample_key")
    parser.add_argument("--problems", required=True, help="where a problem is written; the exit code stays 0")
    parser.add_argument("--notes", required=True, help="where is written what was changed or left out")
    return parser.parse_args()


def main() -> None:
    """Write ``split/samplesheet.csv`` and ``split/samples/<s>.h5ad``."""
    args = arguments()
    notes: list[str] = []
    with problem_in(args.problems):
        notes = _split(args)
    write_text("".join(f"note: {Path(args.path).name}: {note}\n" for note in notes), args.notes)


def _split(args: Namespace) -> list[str]:
    """What was changed or left out, a line each."""
    import numpy as np

    from compartments.counts import whole_study as whole
    from compartments.counts.hashtags import samples_of_tags
    from compartments.counts.splitting import split_counts

    asked, path = whole.columns_asked(args.obs_columns or ""), Path(args.path)
    source, obs, file = whole.open_study(path)
    with file:
        given = None
        if args.sample_table:
            table = Path(args.sample_table)
            given = f"column 'sample' of {table.name}", whole.samples_of_table(path, table, source.barcodes)
        elif args.hashtags:
            table = Path(args.hashtags)
            given = f"the hashtags of {table.name}", samples_of_tags(source, table, args.seed)
        cells = whole.Cells(path, obs, args.sample_key or "", given)
        if args.samplesheet:
            text, found, notes = whole.sheet_of_file(Path(args.samplesheet), cells)
            cells.check_obs(asked)
        else:
            tags = cells.without_tags()
            sheet, notes = cells.sheet_of_obs(asked)
            text, found = whole.sheet_text(sheet), {sample: place for place, sample in enumerate(sheet["sample"])}
            notes += tags
        columns = {args.labels_key: cells.column(args.labels_key, "--labels_key")} if args.labels_key else {}
    taken = np.isin(np.arange(len(cells.names)), list(found.values()))
    (Path("split") / whole.FILES).mkdir(parents=True)
    paths = {place: Path("split") / whole.file_of(sample) for sample, place in found.items()}
    split_counts(source, cells.code, paths, columns)
    name = Path(args.samplesheet).stem if args.samplesheet else "samplesheet"
    write_text(text, Path("split") / f"{name}.csv")
    return source.notes + notes + cells.unused(taken)
