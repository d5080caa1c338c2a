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
