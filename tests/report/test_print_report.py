"""The step that puts the report on paper."""


def test_without_its_libraries_the_figures_are_made_and_the_reason_said(execute, tmp_path, without_pango):
    (tmp_path / "r").mkdir()
    done = execute("print_report", "--results", "r")
    assert done.returncode == 0 and (tmp_path / "figures").is_dir() and not (tmp_path / "report.pdf").exists()
    (line,) = done.stderr.splitlines()
    assert line.startswith("WARNING: report.pdf was not made: a library of the system is missing (cannot load library")


def test_a_folder_with_nothing_is_put_on_paper_too(execute, tmp_path):
    (tmp_path / "r").mkdir()
    done = execute("print_report", "--results", "r")
    assert done.returncode == 0 and (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF"), done.stderr
    assert list((tmp_path / "figures").iterdir()) == []
