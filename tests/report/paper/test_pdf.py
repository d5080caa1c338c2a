"""HTML to PDF, and what is said where it cannot be."""

import builtins

from compartments.report.paper import pdf


def test_the_same_text_gives_the_same_bytes():
    page = "<html><head><title>T</title></head><body><h2>A</h2><p>text</p></body></html>"
    assert pdf.pdf(page) == pdf.pdf(page) and pdf.pdf(page).startswith(b"%PDF")


def test_nothing_is_fetched(capfd):
    assert pdf.pdf("<p>x<img src='http://192.0.2.1/x.png'></p>").startswith(b"%PDF")
    assert capfd.readouterr().err == ""


def test_a_missing_library_is_one_line(monkeypatch):
    real = builtins.__import__

    def without(error):
        def imported(name, *arguments, **more):
            if name == "weasyprint":
                raise error
            return real(name, *arguments, **more)

        monkeypatch.setattr(builtins, "__import__", imported)
        return pdf.missing()

    assert pdf.missing() == ""
    said = without(OSError("cannot load library 'libpango-1.0-0': not found\nmore lines"))
    assert "cannot load library 'libpango-1.0-0'" in said and "apt-get install libpango" in said and "\n" not in said
    assert without(ImportError("No module named 'weasyprint'")).startswith("WeasyPrint is not installed")
