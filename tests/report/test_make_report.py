"""The step."""


def test_bad_options_are_one_line(execute, tmp_path):
    (tmp_path / "template").mkdir()
    (tmp_path / "r").mkdir()
    for arguments, words in (
        (("--results", "nowhere"), "no such folder"),
        (("--results", "r", "--template", "template"), "report.html.j2 is missing"),
        (("--results", "r", "--schema", "nowhere.json"), "--schema nowhere.json: no such file"),
    ):
        done = execute("make_report", *arguments)
        assert done.returncode == 2 and words in done.stderr and len(done.stderr.splitlines()) == 1
        assert not (tmp_path / "report.html").exists()


def test_without_its_libraries_the_page_is_made_and_the_reason_said(execute, tmp_path, without_pango):
    (tmp_path / "r").mkdir()
    done = execute("make_report", "--results", "r")
    assert done.returncode == 0 and (tmp_path / "report.html").exists() and not (tmp_path / "report.pdf").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith("WARNING: report.pdf was not made: a library of the system is missing (cannot load library")


def test_a_folder_with_nothing_is_put_on_paper_too(execute, tmp_path):
    (tmp_path / "r").mkdir()
    (tmp_path / "p.tsv").write_text("kind\tname\tcolour\nlineage\tB\tred\n")
    done = execute("make_report", "--results", "r", "--palette", "p.tsv")
    assert done.returncode == 2 and done.stderr.startswith("ERROR: --palette p.tsv row 2: colour is 'red'")
    assert len(done.stderr.splitlines()) == 1 and not (tmp_path / "report.html").exists()
    done = execute("make_report", "--results", "r", "--paper", "true")
    assert done.returncode == 0 and (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF"), done.stderr
    assert list((tmp_path / "figures").iterdir()) == []
