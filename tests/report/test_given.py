"""What the steps that show results are given: a mistake is one line, whichever step is asked."""

import pytest


@pytest.mark.parametrize("step", ["make_report", "print_report"])
def test_bad_options_are_one_line(execute, tmp_path, step):
    (tmp_path / "template").mkdir()
    (tmp_path / "r").mkdir()
    for arguments, words in (
        (("--results", "nowhere"), "no such folder"),
        (("--results", "r", "--template", "template"), "report.html.j2 is missing"),
        (("--results", "r", "--schema", "nowhere.json"), "--schema nowhere.json: no such file"),
    ):
        done = execute(step, *arguments)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "report.html").exists() and not (tmp_path / "report.pdf").exists()


def test_a_palette_that_names_no_colour_is_one_line(execute, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "p.tsv").write_text("kind\tname\tcolour\nlineage\tB\tred\n")
    done = execute("make_report", "--results", "r", "--palette", "p.tsv")
    assert done.returncode == 2 and done.stderr.startswith("ERROR: --palette p.tsv row 2: colour is 'red'")
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "report.html").exists()
