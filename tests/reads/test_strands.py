"""Which way reads run, and whether they are of the genome."""

import pytest

from compartments.core.errors import UserError
from compartments.reads.strands import gene_counts, judged


def test_reads_in_genes_either_way(tmp_path):
    path = tmp_path / "r.tab"
    path.write_text("N_unmapped\t9\t9\t9\nN_multimapping\t1\t1\t1\nE1\t10\t8\t2\nE2\t4\t4\t0\n")
    assert gene_counts(path) == (14, 12, 2)


@pytest.mark.parametrize(
    ("forward", "reverse", "mapped", "allowed", "found"),
    [
        (9000, 100, 0.9, ["Forward", "Reverse"], "Forward"),
        (100, 9000, 0.9, ["Forward", "Reverse"], "Reverse"),
        (9000, 100, 0.9, ["Forward"], "Forward"),
        (40, 30, 0.9, ["Forward"], "Forward"),
        (9000, 6000, 0.9, ["Forward", "Reverse"], "too even to tell"),
        (40, 3, 0.9, ["Forward", "Reverse"], "too even to tell"),
        (100, 9000, 0.9, ["Forward"], "run forward, but 100 of the first reads are in genes forward and 9000 reverse"),
        (900, 10, 0.12, ["Forward"], "12% of the first reads are placed"),
    ],
)
def test_the_strand_that_reads_say(forward, reverse, mapped, allowed, found):
    counts = {"Forward": forward, "Reverse": reverse}
    if found in counts:
        assert judged(counts, mapped, allowed) == (found, forward, reverse, mapped)
        return
    with pytest.raises(UserError, match=found):
        judged(counts, mapped, allowed)
