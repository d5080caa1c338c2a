"""What is asked: samplesheet, design, contrasts, parameters."""
