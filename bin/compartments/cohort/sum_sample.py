"""Sum one sample's cells by lineage: all that the cohort needs of it besides the picture."""

from argparse import Namespace

from compartments.core.files import replacing
from compartments.core.left_out import LeftOut
from compartments.core.options import Options

STEP = "sum_sample"


def arguments() -> Namespace:
    parser = Options(STEP, __doc__)
    parser.add_argument("--filtered", required=True, help="<sample>.filtered.h5ad")
    parser.add_argument("--doublets", required=True, help="<sample>.doublets.tsv.gz")
    parser.add_argument("--labels", required=True, help="<sample>.labels.tsv.gz")
    return parser.parse_args()


def main() -> None:
    """Write ``samples/<s>/<s>.sums.h5ad`` and ``skipped.tsv``."""
    given = arguments()
    from pathlib import Path

    from compartments.cohort.sample import read_annotated
    from compartments.cohort.sums import sums_of

    sample = Path(given.filtered).name.removesuffix(".filtered.h5ad")
    data = read_annotated(given.filtered, given.doublets, given.labels)
    data.uns.setdefault("sample", sample)
    left_out = LeftOut(STEP)
    found = sums_of(data)
    if found.n_obs:
        path = Path(f"samples/{sample}/{sample}.sums.h5ad")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            found.write_h5ad(temporary, compression="gzip", compression_opts=1)
    else:
        left_out.add("no cell left after doublets", sample=sample)
    left_out.write()
