"""Models of cell labels, one for each compartment: do all compartments have one?"""

import difflib
import re
from collections.abc import Sequence

from compartments.core.errors import UserError
from compartments.study.near_names import plain
from compartments.study.parameters import names_in

OF_COMPARTMENT = re.compile(r"([^/=]+)=(.+)")  # as in lib/models.nf


def check_models(value: object, compartments: Sequence[str]) -> None:
    """Whether ``--celltypist_model`` names a model for all compartments, or one for each.

    Parameters
    ----------
    value : object
        The parameter as Nextflow hands it over.
    compartments : sequence of str
        Of the samplesheet.

    Raises
    ------
    UserError
        A compartment that is unknown, named twice or not at all; models with and without a compartment.
    """
    entries = names_in(value)
    found = [OF_COMPARTMENT.fullmatch(entry) for entry in entries]
    named = [match[1].strip() for match in found if match]
    if not named:
        return
    option = "--celltypist_model"
    for entry, match in zip(entries, found, strict=True):
        if not match:
            raise UserError(
                f"{option}: '{entry}' stands for no compartment, others do; give one model for each, as in "
                f"{','.join(f'{compartment}=MODEL' for compartment in compartments)}"
            )
    for name in named:
        if name not in compartments:
            alike = [one for one in compartments if plain(one) == plain(name)]
            near = alike or difflib.get_close_matches(name, compartments, 1)
            hint = f"did you mean '{near[0]}'?" if near else f"the samplesheet has {', '.join(compartments)}"
            raise UserError(f"{option}: '{name}' is no compartment; {hint}")
        if named.count(name) > 1:
            raise UserError(f"{option}: compartment '{name}' has {named.count(name)} models; give one")
    lacking = [one for one in compartments if one not in named]
    if lacking:
        raise UserError(
            f"{option}: compartment '{lacking[0]}' has no model; give one for each of {', '.join(compartments)}"
        )
