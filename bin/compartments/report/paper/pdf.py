"""HTML to PDF by WeasyPrint, which needs Pango beside Python's packages."""

import contextlib
import io
import logging

NEEDS = "Pango 1.44 or newer (Debian and Ubuntu: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0)"


def missing() -> str:
    """Why no PDF can be made here, in one line; empty where it can."""
    try:
        # what it says of a library that is not there is many lines
        with contextlib.redirect_stdout(io.StringIO()):
            import weasyprint
    except ImportError as error:
        return f"WeasyPrint is not installed ({error})"
    except OSError as error:
        return f"a library of the system is missing ({str(error).splitlines()[0]}); install {NEEDS}"
    del weasyprint
    return ""


def pdf(html: str) -> bytes:
    """The document as PDF; the same text gives the same bytes. Nothing is fetched.

    Raises
    ------
    OSError
        :func:`missing`.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        import weasyprint
    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    logging.getLogger("fontTools").setLevel(logging.ERROR)
    fetcher = weasyprint.URLFetcher(allowed_protocols=("data", "file"))
    return weasyprint.HTML(string=html, url_fetcher=fetcher).write_pdf() or b""
