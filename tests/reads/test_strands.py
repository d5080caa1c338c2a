"""Which way reads run, and whether they are of the genome."""

import pytest

from compartments.core.errors import UserError
from compartments.reads.counted import Ways
from compartments.reads.strands import judged


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
    ways = Ways(forward, reverse, mapped)
    if found in ("Forward", "Reverse"):
        assert judged(ways, allowed) == (found, forward, reverse, mapped)
        return
    with pytest.raises(UserError, match=found):
        judged(ways, allowed)
