#!/usr/bin/env bash
# Collect what a machine without internet needs: pipeline with its references, engine, images, models, checksums.
#   [IMAGES="core cellbender counts"] [MODELS="a.pkl b.pkl"] [ENGINE=podman|docker] [REGISTRY=...] [TAG=...] tools/bundle.sh FOLDER
set -euo pipefail
OUT=$(realpath -m "${1:?usage: tools/bundle.sh FOLDER}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
IMAGES=${IMAGES-core cellbender counts}
ENGINE=${ENGINE:-$(command -v podman || command -v docker || true)}
REGISTRY=${REGISTRY:-ghcr.io/sc-compartments}
TAG=${TAG:-0.1.0}
[ ! -e "$OUT" ] || { echo "ERROR: $OUT exists; name a new folder" >&2; exit 2; }
[ -z "$IMAGES" ] || [ -n "$ENGINE" ] || { echo "ERROR: images need podman or docker; or IMAGES= for none" >&2; exit 2; }
for model in ${MODELS:-}; do [ -f "$model" ] || { echo "ERROR: there is no model $model" >&2; exit 2; }; done
mkdir -p "$OUT.part"/{images,models,pipeline/.tools}
trap 'rm -rf "$OUT.part"' EXIT
first=${MODELS:-Immune_All_Low}
named=$(basename "${first%% *}" .pkl) # a run of the bundle finds it in models/
# references (gene sets, markers, profiles, lineage map) are part of the pipeline; the ligand-receptor resource of the image
git ls-files -z | xargs -0 cp --parents -t "$OUT.part/pipeline"
echo "$(git rev-parse HEAD)$(git diff --quiet HEAD || echo ' with changes')" >"$OUT.part/pipeline/.revision"
tools/setup.sh engine
[ ! -d .tools/nextflow ] || cp -r .tools/nextflow "$OUT.part/pipeline/.tools/"
for model in ${MODELS:-}; do cp "$model" "$OUT.part/models/"; done
for image in $IMAGES; do
    name=$REGISTRY/$image:$TAG
    "$ENGINE" image inspect "$name" >/dev/null 2>&1 || "$ENGINE" pull "$name"
    "$ENGINE" save -o "$OUT.part/images/$image.tar" "$name" >/dev/null
done
cat >"$OUT.part/README.txt" <<TEXT
sc-compartments $TAG for a machine without internet. It needs bash, Java 17 or newer, and podman, docker or apptainer.
  sha256sum -c SHA256SUMS
  podman load -i images/core.tar                           (docker: the same)
  apptainer build core.sif docker-archive:images/core.tar  (then -c with process.container = '/path/core.sif')
  NXF_OFFLINE=true pipeline/tools/nextflow run pipeline -profile podman --input samplesheet.csv --celltypist_model $named --outdir results
TEXT
(cd "$OUT.part" && find . -type f ! -name SHA256SUMS -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS)
mv "$OUT.part" "$OUT"
echo "bundle: $OUT ($(du -sh "$OUT" | cut -f1))"
