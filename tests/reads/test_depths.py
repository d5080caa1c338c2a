"""Compartments that differ in their reads are told."""

from compartments.reads.depths import SHARES, differing

SAME = dict.fromkeys(SHARES, 0.5)


def test_what_differs_between_compartments_is_one_line_each():
    rows = [
        SAME | {"compartment": name, "saturation": value}
        for name, value in zip("CCCBB", (0.8, 0.9, 0.1, 0.4, 0.5), strict=True)
    ]
    (line,) = differing(rows)
    assert line.startswith("reads: saturation is 0.80 in C and 0.45 in B (medians of 3 and 2 samples)")
    assert "--downsample_reads" in line


def test_alike_compartments_and_a_single_one_say_nothing():
    assert differing([SAME | {"compartment": name} for name in "AB"]) == []
    assert differing([SAME | {"compartment": "A", "saturation": value} for value in (0.1, 0.9)]) == []


def test_reads_per_cell_differ_by_a_factor():
    rows = [SAME | {"compartment": name, "reads_per_cell": n} for name, n in (("A", 21000.0), ("B", 10000.0))]
    (line,) = differing(rows)
    assert line.startswith("reads: reads_per_cell is 21,000 in A and 10,000 in B") and "--downsample_reads" in line
    rows[0]["reads_per_cell"] = 19000.0
    assert differing(rows) == []
