"""One ambient RNA method for the cohort: what is chosen, and what is refused with which words."""

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compartments.ambient_choice import choose_methods
from compartments.cli import UserError

RAW = {"kind": "raw", "cell_source": "none"}
CALLED = {"kind": "raw", "cell_source": "filtered"}
FILTERED = {"kind": "filtered", "cell_source": "filtered"}
FINISHED = {"kind": "raw", "cell_source": "cellbender"}
FINISHED_ONLY = {"kind": "filtered", "cell_source": "cellbender"}


def cohort(*kinds):
    return [{"sample": f"s{n}", **kind} for n, kind in enumerate(kinds, 1)]


@pytest.mark.parametrize(
    ("kinds", "requested", "gpu", "expected"),
    [
        ((RAW, RAW), "auto", False, ["soupem", "soupem"]),
        ((RAW, CALLED), "auto", False, ["soupem", "soupem"]),
        ((RAW, RAW), "auto", True, ["cellbender", "cellbender"]),
        ((RAW, FILTERED), "auto", False, ["none", "none"]),
        ((FILTERED, FILTERED), "auto", False, ["none", "none"]),
        ((FILTERED, FILTERED), "auto", True, ["none", "none"]),
        ((FINISHED, FINISHED_ONLY), "auto", False, ["finished", "finished"]),
        ((FINISHED, RAW), "auto", True, ["finished", "cellbender"]),
        ((FINISHED, RAW), "cellbender", False, ["finished", "cellbender"]),
        ((RAW, RAW), "cellbender", False, ["cellbender", "cellbender"]),
        ((RAW, RAW), "soupem", True, ["soupem", "soupem"]),
        ((RAW, RAW), "decontx", True, ["decontx", "decontx"]),
        ((RAW, FILTERED), "auto", True, ["none", "none"]),
        ((RAW, FILTERED), "none", True, ["none", "none"]),
    ],
)
def test_choice(kinds, requested, gpu, expected):
    assert list(choose_methods(cohort(*kinds), requested, gpu).values()) == expected


@pytest.mark.parametrize(
    ("kinds", "requested", "gpu", "words"),
    [
        ((RAW, FILTERED), "soupem", False, "--ambient_method soupem needs all droplets, but s2 has only called cells"),
        ((RAW, FILTERED, FILTERED), "cellbender", False, "but s2, s3 have only called cells"),
        ((FINISHED, RAW), "auto", False, "s1 come as finished CellBender outputs, but s2 would get 'soupem'"),
        ((FINISHED, RAW), "none", False, "s1 come as finished CellBender outputs, but s2 would get 'none'"),
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
    assert list(choose_methods(cohort(*kinds), requested, gpu, allow_mixed=True).values()) == expected


def test_every_cohort_gets_one_method_or_a_reason():
    """All cohorts of up to three samples: either one kind of method in samplesheet order, or a UserError."""
    for n in (1, 2, 3):
        for kinds in itertools.product((RAW, CALLED, FILTERED, FINISHED, FINISHED_ONLY), repeat=n):
            for requested in ("auto", "cellbender", "soupem", "decontx", "none"):
                for gpu in (False, True):
                    samples = cohort(*kinds)
                    try:
                        methods = choose_methods(samples, requested, gpu)
                    except UserError:
                        continue
                    assert list(methods) == [s["sample"] for s in samples]
                    assert len({"cellbender" if m == "finished" else m for m in methods.values()}) == 1


@given(
    st.lists(st.sampled_from([RAW, CALLED, FILTERED, FINISHED, FINISHED_ONLY]), min_size=1, max_size=8),
    st.sampled_from(["auto", "cellbender", "soupem", "decontx", "none"]),
    st.booleans(),
)
def test_a_method_is_never_given_to_a_sample_that_cannot_have_it(kinds, requested, gpu):
    samples = cohort(*kinds)
    methods = choose_methods(samples, requested, gpu, allow_mixed=True)
    for sample in samples:
        method = methods[sample["sample"]]
        if sample["cell_source"] == "cellbender":
            assert method == "finished"
        elif sample["kind"] == "filtered":
            assert method == "none"
        else:
            assert method == (requested if requested != "auto" else "cellbender" if gpu else "soupem")


# -- the executable -------------------------------------------------------------------------------------------------


@pytest.fixture
def summaries(tmp_path):
    def write(*kinds):
        paths = []
        for summary in reversed(cohort(*kinds)):
            path = tmp_path / f"{summary['sample']}.read.json"
            path.write_text(json.dumps(summary))
            paths.append(path)
        return paths

    return write


def test_executable_writes_methods_in_order(execute, tmp_path, summaries):
    done = execute("choose_ambient.py", "--problems", "problems.txt", *summaries(RAW, RAW))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "problems.txt").read_text() == ""
    assert (tmp_path / "methods.tsv").read_text() == "sample\tmethod\ns1\tsoupem\ns2\tsoupem\n"


def test_executable_takes_gpu_and_mixed(execute, tmp_path, summaries):
    arguments = ("--gpu", "--allow_mixed", "--problems", "problems.txt")
    done = execute("choose_ambient.py", *arguments, *summaries(RAW, FILTERED))
    assert done.returncode == 0
    assert (tmp_path / "methods.tsv").read_text() == "sample\tmethod\ns1\tcellbender\ns2\tnone\n"


def test_executable_hands_the_problem_over(execute, tmp_path, summaries):
    arguments = ("--requested", "soupem", "--problems", "problems.txt")
    done = execute("choose_ambient.py", *arguments, *summaries(RAW, FILTERED))
    assert done.returncode == 0 and done.stderr == ""
    assert len((tmp_path / "problems.txt").read_text().splitlines()) == 1
    assert "s2 has only called cells" in (tmp_path / "problems.txt").read_text()
    assert not (tmp_path / "methods.tsv").exists()
