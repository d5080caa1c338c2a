"""Summaries of read samples, of every kind that a samplesheet can lead to."""

RAW = {"kind": "raw", "cell_source": "none"}
CALLED = {"kind": "raw", "cell_source": "filtered"}
FILTERED = {"kind": "filtered", "cell_source": "filtered"}
FINISHED = {"kind": "raw", "cell_source": "cellbender"}
FINISHED_ONLY = {"kind": "filtered", "cell_source": "cellbender"}


def cohort(*kinds):
    return [{"sample": f"s{n}", **kind} for n, kind in enumerate(kinds, 1)]
