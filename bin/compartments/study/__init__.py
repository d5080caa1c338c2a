"""What is asked: samplesheet, design, contrasts, parameters."""

STEPS = ["check_design"]
