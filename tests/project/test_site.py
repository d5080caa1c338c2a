"""What a site adds by files of its own: profiles of institutions, hooks."""

import pytest

from tests.support.runs import nextflow

pytestmark = pytest.mark.pipeline


@pytest.mark.parametrize("given", ["option", pytest.param("file", marks=pytest.mark.long)])
def test_an_institution_has_its_profile_and_is_told_of_the_end(project, tmp_path, given):
    """As nf-core/configs is laid out; a file of settings includes it by itself."""
    (tmp_path / "base" / "conf").mkdir(parents=True)
    (tmp_path / "base" / "nfcore_custom.config").write_text(
        'profiles {\n    ourplace { includeConfig "${params.custom_config_base}/conf/ourplace.config" }\n}\n'
    )
    (tmp_path / "base" / "conf" / "ourplace.config").write_text("params.max_memory = '3.GB'\n")
    hook = "workflow.onComplete = {\n    new File('told.txt').text = workflow.success ? 'done' : 'failed'\n}\n"
    base = f"params.custom_config_base = '{tmp_path}/base'\nincludeConfig '{tmp_path}/base/nfcore_custom.config'\n"
    (tmp_path / "site.config").write_text(hook + (base if given == "file" else ""))
    named = [] if given == "file" else ["--custom_config_base", f"{tmp_path}/base"]
    done = nextflow(project, tmp_path, "--help", "-c", "site.config", "-profile", "ourplace", *named)
    assert done.code == 0 and "Unknown configuration profile" not in done.text, done.text
    assert (tmp_path / "told.txt").read_text() == "done"
    done = nextflow(project, tmp_path, "--help", "-profile", "ourplace")
    assert done.code != 0 and "ourplace" in done.text, "nothing is read that is not asked for"
