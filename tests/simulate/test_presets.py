"""What the presets change."""

import json

from compartments.simulate import presets


def test_presets_differ_as_they_say():
    effects = {preset: presets.preset_effects(preset) for preset in presets.PRESETS}
    assert (effects["null"] == 0).all(axis=None)
    for preset in ("synchronous", "decoys"):
        assert (effects[preset]["CSF"] == effects[preset]["blood"]).all() and (effects[preset] < 0).all(axis=None)
    assert (effects["uncoupled"]["CSF"] == 0).all() and (effects["uncoupled"]["blood"] < 0).all()
    differs = effects["alemtuzumab"]["CSF"] != effects["alemtuzumab"]["blood"]
    assert differs.index[differs].tolist() == ["pDC"]
    for preset in presets.TREATMENTS:
        assert effects[preset].equals(effects["alemtuzumab"])
    assert (effects["one_condition"] == 0).all(axis=None)


def test_the_pipeline_offers_every_preset(root):
    schema = json.loads((root / "nextflow_schema.json").read_text())
    (simulate,) = [
        group["properties"]["simulate"] for group in schema["$defs"].values() if "simulate" in group["properties"]
    ]
    assert simulate["enum"] == [*presets.PRESETS, "reads"]
