"""What the fuzz kept is read again: nothing or one line for the user; no traceback, no hang, no flood of memory."""

import resource
import signal
import time

import pytest

from tests.bad_inputs.fuzzing import CORPUS, SEEDS, TARGETS, throw

MOST_SECONDS, MOST_MEMORY = 20, 1_000_000  # of all of them; of one target, in kB, above what was taken before


@pytest.mark.parametrize("target", TARGETS)
def test_what_the_fuzz_kept_is_read_or_refused(target):
    kept = sorted(path for path in (CORPUS / target).glob("*"))
    assert len(kept) >= 3, "make fuzz keeps what reaches new code"
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    signal.alarm(MOST_SECONDS)  # a hang ends the test run
    try:
        lines = [throw(target, data) for data in [path.read_bytes() for path in kept] + SEEDS.get(target, [])]
    finally:
        signal.alarm(0)
    assert all("\n" not in line.strip() and "Traceback" not in line for line in lines)
    assert time.monotonic() - start < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY
