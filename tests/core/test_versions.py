"""Versions of packages and of Python on one line."""

import platform
from importlib.metadata import distributions, version

from compartments.core.versions import installed, normalised


def test_named_packages_and_python_in_the_order_given(execute):
    done = execute("versions", "pandas", "numpy")
    assert done.returncode == 0 and done.stderr == ""
    assert done.stdout == f"pandas={version('pandas')};numpy={version('numpy')};python={platform.python_version()}\n"


def test_a_package_that_is_not_there_is_said(execute):
    done = execute("versions", "no-such-package", "numpy")
    assert done.returncode == 0
    assert done.stdout.startswith(f"no-such-package=not installed;numpy={version('numpy')};python=")


def test_python_alone(execute):
    assert execute("versions").stdout == f"python={platform.python_version()}\n"


def test_every_locked_package_is_as_its_own_record_says():
    told = {normalised(one.name): one.version for one in distributions()}
    assert told.items() <= installed().items()
