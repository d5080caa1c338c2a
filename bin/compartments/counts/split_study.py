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
    parser.add_argument("--path", required=True, nargs="+", help="h5ad of all samples, or one of each pool")
    parser.add_argument("--pool", nargs="*", default=[], help="names of the pools, which the table has in column pool")
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
    name = Path(args.path[0]).name if len(args.path) == 1 else "pools"
    write_text("".join(f"note: {name}: {note}\n" for note in notes), args.notes)


def _split(args: Namespace) -> list[str]:
    """What was changed or left out, a line each."""
    from contextlib import ExitStack

    import pandas as pd

    from compartments.counts import whole_study as whole
    from compartments.counts.pools import Told, open_cells, sheet_of_obs
    from compartments.counts.source import SEVERAL
    from compartments.counts.splitting import split_counts

    asked = whole.columns_asked(args.obs_columns or "")
    told = Told(args.sample_key or "", args.sample_table or "", args.hashtags or "")
    with ExitStack() as opened:
        pools = [
            open_cells(Path(path), pool, told, args.seed, opened)
            for path, pool in zip(args.path, args.pool or [""] * len(args.path), strict=True)
        ]
        files = [cells for _, cells in pools]
        if args.samplesheet:
            text, found, notes = whole.sheet_of_file(Path(args.samplesheet), files)
            for cells in files:
                cells.check_obs(asked)
        else:
            text, found, notes = sheet_of_obs(files, asked)
        columns = [
            {args.labels_key: cells.column(args.labels_key, "--labels_key")} if args.labels_key else {}
            for cells in files
        ]
    (Path("split") / whole.FILES).mkdir(parents=True)
    for number, (source, cells) in enumerate(pools):
        own = {place: sample for sample, (of_file, place) in found.items() if of_file == number}
        paths = {place: Path("split") / whole.file_of(sample) for place, sample in own.items()}
        split_counts(source, cells.code, paths, columns[number])
        notes += (
            source.notes
            + [one for one in source.warnings if not one.endswith(SEVERAL)]
            + cells.unused(pd.RangeIndex(len(cells.names)).isin(list(own)))
        )
    name = Path(args.samplesheet).stem if args.samplesheet else "samplesheet"
    write_text(text, Path("split") / f"{name}.csv")
    return notes
