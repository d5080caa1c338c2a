"""Read the table of several pools (--study_file): which file each of them is."""

from argparse import Namespace
from pathlib import Path

from compartments.core.errors import problem_in
from compartments.core.files import write_json
from compartments.core.options import Options

STEP = "read_pools"


def arguments() -> Namespace:
    """Command line."""
    parser = Options(STEP, __doc__)
    parser.add_argument("--table", required=True, help="pool, file")
    parser.add_argument("--problems", required=True, help="where a problem is written; the exit code stays 0")
    return parser.parse_args()


def main() -> None:
    """Write ``pools.json``: row in the table, pool and file, which the pipeline then looks for."""
    args = arguments()
    from compartments.counts.pool_table import read_pools

    with problem_in(args.problems):
        write_json(read_pools(Path(args.table)), "pools.json")
