"""Hold the crate of a results folder against a profile of roc-validator without a network: a line for each fault.

Run by the environment that `tools/setup.sh crate` makes: python tests/support/crate_check.py FOLDER [PROFILE]. What the
validator would fetch, the context of RO-Crate 1.1, lies in the package rocrate and is put into its cache.
"""

import sys
import tempfile
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

from requests.adapters import HTTPAdapter
from rocrate_validator.models import Severity, ValidationSettings
from rocrate_validator.services import validate
from rocrate_validator.utils.http import HttpRequester
from urllib3 import HTTPResponse

CONTEXT = "https://w3id.org/ro/crate/1.1/context"


class Shipped(HTTPAdapter):
    """Answers with the context that is installed."""

    def send(self, request, **_more):
        # not imported: this version needs pkg_resources, which newer setuptools lack
        folder = Path(find_spec("rocrate").origin).parent
        text = (folder / "data" / "ro-crate.jsonld").read_bytes()
        given = {"Content-Type": "application/ld+json"}
        raw = HTTPResponse(BytesIO(text), given, 200, preload_content=False, request_url=request.url)
        return self.build_response(request, raw)


def main(folder, profile="process-run-crate"):
    with tempfile.TemporaryDirectory() as cache:
        HttpRequester.initialize_cache(cache_path=f"{cache}/cache", cache_max_age=-1)
        session = HttpRequester().session
        session.mount("https://", Shipped())
        session.get(CONTEXT)
        settings = ValidationSettings(
            rocrate_uri=folder,
            profile_identifier=profile,
            requirement_severity=Severity.REQUIRED,
            offline=True,
            cache_path=f"{cache}/cache",
        )
        issues = validate(settings).get_issues()
    for issue in issues:
        print(f"{issue.severity.name}: {issue.message} ({issue.violatingEntity})")
    print(f"{len(issues)} faults")


if __name__ == "__main__":
    main(*sys.argv[1:])
