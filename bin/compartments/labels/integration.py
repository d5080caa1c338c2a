"""The column of the samplesheet by which cells are integrated."""

from compartments.core.errors import UserError
from compartments.study.study import Study


def check_integration_key(key: str, study: Study) -> None:
    """Raise :class:`UserError` unless ``key`` is ``none`` or a column that describes the samples of ``study``."""
    if key not in [*study.properties, "none"]:
        raise UserError(
            f"--integration_key '{key}' is no column of the samplesheet; "
            f"choose none or one of {', '.join(study.properties)}"
        )
