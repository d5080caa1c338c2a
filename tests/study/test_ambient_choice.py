"""One ambient RNA method for the cohort: what is chosen, and what is refused with which words."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compartments.core.errors import UserError
from compartments.study.ambient_choice import announce, choose_methods, foresee
from tests.support.summaries import CALLED, FILTERED, FINISHED, FINISHED_ONLY, RAW, cohort

# what there is -> methods for auto, auto on a GPU, cellbender, soupem, none; part of a sentence where it is refused
DIFFER, CALLED_ONLY = "come as finished CellBender outputs, but", "needs all droplets, but"
NOWHERE, ALREADY = "but no sample has them", "from CellBender already"
TABLE = {
    "finished": ("finished", "finished", "finished", ALREADY, ALREADY),
    "raw": ("soupem", "cellbender", "cellbender", "soupem", "none"),
    "filtered": ("none", "none", NOWHERE, NOWHERE, "none"),
    "raw filtered": ("none none", "none none", CALLED_ONLY, CALLED_ONLY, "none none"),
    "finished raw": (DIFFER, "finished cellbender", "finished cellbender", ALREADY, ALREADY),
    "finished filtered": (DIFFER, CALLED_ONLY, CALLED_ONLY, ALREADY, ALREADY),
    "finished raw filtered": (DIFFER, CALLED_ONLY, CALLED_ONLY, ALREADY, ALREADY),
}
MIXED = {
    "finished": ("finished", "finished", "finished", "finished", "finished"),
    "raw": ("soupem", "cellbender", "cellbender", "soupem", "none"),
    "filtered": ("none", "none", NOWHERE, NOWHERE, "none"),
    "raw filtered": ("soupem none", "cellbender none", "cellbender none", "soupem none", "none none"),
    "finished raw filtered": (
        "finished soupem none", "finished cellbender none", "finished cellbender none", "finished soupem none",
        "finished none none",
    ),
}  # fmt: skip
ASKED = (("auto", False), ("auto", True), ("cellbender", False), ("soupem", False), ("none", False))


@pytest.mark.parametrize(
    ("given", "requested", "gpu", "mixed", "expected"),
    [
        (given, requested, gpu, mixed, expected)
        for mixed, table in ((False, TABLE), (True, MIXED))
        for given, row in table.items()
        for (requested, gpu), expected in zip(ASKED, row, strict=True)
    ],
)
def test_table_of_all_cases(given, requested, gpu, mixed, expected):
    kinds = {"finished": FINISHED, "raw": RAW, "filtered": FILTERED}
    samples = cohort(*(kinds[word] for word in given.split()))
    if expected in (DIFFER, CALLED_ONLY, NOWHERE, ALREADY):
        with pytest.raises(UserError, match=expected):
            choose_methods(samples, requested, gpu, mixed)
    else:
        assert " ".join(choose_methods(samples, requested, gpu, mixed)[0].values()) == expected


@pytest.mark.parametrize(
    ("kinds", "requested", "gpu", "expected"),
    [
        ((RAW, RAW), "auto", False, ["soupem", "soupem"]),
        ((RAW, CALLED), "auto", False, ["soupem", "soupem"]),
        ((RAW, RAW), "auto", True, ["cellbender", "cellbender"]),
        ((RAW, FILTERED), "auto", False, ["none", "none"]),
        ((FILTERED, FILTERED), "auto", False, ["none", "none"]),
        ((FILTERED, FILTERED), "auto", True, ["none", "none"]),
        ((FILTERED, FILTERED), "none", False, ["none", "none"]),
        ((FINISHED, FINISHED_ONLY), "auto", False, ["finished", "finished"]),
        ((FINISHED, RAW), "auto", True, ["finished", "cellbender"]),
        ((FINISHED, RAW), "cellbender", False, ["finished", "cellbender"]),
        ((RAW, RAW), "cellbender", False, ["cellbender", "cellbender"]),
        ((RAW, RAW), "soupem", True, ["soupem", "soupem"]),
        ((RAW, FILTERED), "auto", True, ["none", "none"]),
        ((RAW, FILTERED), "none", True, ["none", "none"]),
    ],
)
def test_choice(kinds, requested, gpu, expected):
    methods, reasons = choose_methods(cohort(*kinds), requested, gpu)
    assert list(methods.values()) == expected
    assert set(reasons) == {s for s in methods if methods[s] == "none" and requested != "none"}


@pytest.mark.parametrize(
    ("kinds", "requested", "gpu", "words"),
    [
        ((RAW, FILTERED), "soupem", False, "--ambient_method soupem needs all droplets, but s2 has only called cells"),
        ((RAW, FILTERED, FILTERED), "cellbender", False, "but s2, s3 have only called cells"),
        ((FINISHED, RAW), "auto", False, "s1 come as finished CellBender outputs, but s2 would get 'soupem'"),
        ((FINISHED, RAW), "none", False, "--ambient_method none was asked for, but s1 comes from CellBender already"),
        ((FINISHED, FINISHED), "soupem", True, "soupem was asked for, but s1, s2 come from CellBender already"),
        ((FINISHED, FILTERED), "auto", False, "but s2 would get 'none'"),
    ],
)
def test_differing_methods_are_refused(kinds, requested, gpu, words):
    with pytest.raises(UserError) as refused:
        choose_methods(cohort(*kinds), requested, gpu)
    assert words in str(refused.value) and "--allow_mixed_ambient" in str(refused.value)


@pytest.mark.parametrize(
    ("kinds", "requested", "gpu", "expected"),
    [
        ((RAW, FILTERED, FINISHED), "auto", False, ["soupem", "none", "finished"]),
        ((RAW, FILTERED, FINISHED), "auto", True, ["cellbender", "none", "finished"]),
        ((RAW, FILTERED), "soupem", False, ["soupem", "none"]),
    ],
)
def test_mixed_where_allowed(kinds, requested, gpu, expected):
    assert list(choose_methods(cohort(*kinds), requested, gpu, allow_mixed=True)[0].values()) == expected


def test_every_cohort_gets_one_method_or_a_reason():
    """All cohorts of up to three samples: either one kind of method in samplesheet order, or a UserError."""
    for n in (1, 2, 3):
        for kinds in itertools.product((RAW, CALLED, FILTERED, FINISHED, FINISHED_ONLY), repeat=n):
            for requested in ("auto", "cellbender", "soupem", "none"):
                for gpu in (False, True):
                    samples = cohort(*kinds)
                    try:
                        methods, _ = choose_methods(samples, requested, gpu)
                    except UserError:
                        continue
                    assert list(methods) == [s["sample"] for s in samples]
                    assert len({"cellbender" if m == "finished" else m for m in methods.values()}) == 1


@given(
    st.lists(st.sampled_from([RAW, CALLED, FILTERED, FINISHED, FINISHED_ONLY]), min_size=1, max_size=8),
    st.sampled_from(["auto", "cellbender", "soupem", "none"]),
    st.booleans(),
)
def test_a_method_is_never_given_to_a_sample_that_cannot_have_it(kinds, requested, gpu):
    samples = cohort(*kinds)
    try:
        methods, reasons = choose_methods(samples, requested, gpu, allow_mixed=True)
    except UserError:
        assert requested in ("cellbender", "soupem") and {s["kind"] for s in samples} == {"filtered"}
        return
    assert set(reasons) <= {s for s in methods if methods[s] == "none"}
    for sample in samples:
        method = methods[sample["sample"]]
        if sample["cell_source"] == "cellbender":
            assert method == "finished"
        elif sample["kind"] == "filtered":
            assert method == "none"
        else:
            assert method == (requested if requested != "auto" else "cellbender" if gpu else "soupem")


def test_a_method_that_no_sample_can_have_is_refused():
    for requested in ("soupem", "cellbender"):
        for mixed in (False, True):
            with pytest.raises(UserError, match=f"--ambient_method {requested} needs all droplets, but no sample has"):
                choose_methods(cohort(FILTERED, FILTERED), requested, allow_mixed=mixed)


def test_nothing_stays_uncleaned_in_silence():
    line = announce(*choose_methods(cohort(RAW, FILTERED), "auto"))
    assert line.startswith(
        "WARNING: Ambient RNA: not removed (2 samples). s1: s2 has only called cells, and one method"
    )
    assert "s2: only called cells, no empty droplets: give the raw matrix in column raw" in line
    line = announce(*choose_methods(cohort(RAW, FILTERED), "auto", allow_mixed=True))
    assert line.startswith("WARNING: Ambient RNA: soupem: s1; not removed: s2. s2: only called cells")
    assert announce(*choose_methods(cohort(RAW, RAW), "auto")) == "Ambient RNA: soupem (2 samples)"
    assert announce(*choose_methods(cohort(RAW, RAW), "none")) == "Ambient RNA: not removed (2 samples)"


def test_the_samplesheet_tells_beforehand():
    rows = [
        {"sample": s, "raw": "", "filtered": "", "cellbender": ""} | {c: "x"}
        for s, c in (("a", "raw"), ("b", "filtered"))
    ]
    assert foresee(rows[:1], "auto", False) == "" == foresee(rows, "none", False)
    assert foresee(rows, "auto", False).startswith("note: Ambient RNA: not removed (2 samples). a: b has only")
    assert "this run will stop: --ambient_method soupem needs all droplets" in foresee(rows, "soupem", False)


# -- the executable -------------------------------------------------------------------------------------------------


def test_a_method_of_single_samples_by_the_samplesheet():
    """It stands where it can; methods that differ are refused unless they are allowed, and then each is said."""
    three = cohort(RAW, RAW, FINISHED)
    with pytest.raises(UserError, match="soupem: s1; none: s2.*accept them with --allow_mixed_ambient"):
        choose_methods(three[:2], "auto", own={"s2": "none"})
    methods, reasons = choose_methods(three, "auto", allow_mixed=True, own={"s2": "none", "s3": ""})
    assert methods == {"s1": "soupem", "s2": "none", "s3": "finished"}
    assert reasons == {"s2": "none is asked for in the samplesheet"}
    assert "s2: none is asked for in the samplesheet" in announce(methods, reasons)
    assert choose_methods(cohort(RAW, RAW), "none", own={"s1": "soupem", "s2": "soupem"}) == (
        {"s1": "soupem", "s2": "soupem"},
        {},
    )
    with pytest.raises(UserError, match="soupem was asked for, but s3 comes from CellBender already"):
        choose_methods(three, "auto", own={"s3": "soupem"})
    row = {"sample": "s1", "raw": "", "filtered": "x.h5", "cellbender": "", "ambient_method": "soupem"}
    with pytest.raises(UserError, match="soupem needs all droplets"):
        foresee([row], "auto", False)
