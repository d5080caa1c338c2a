#!/usr/bin/env bash
# A queue of studies, one after another: each from its params file, in a launch folder of its own, whatever becomes of
# the others; one table of how each ended. Called again, it does what failed, was stopped or has changed.
#   tools/run_studies.sh FOLDER [options of nextflow run ...]
#   FOLDER/<study>.yml (or .json)   parameters of a study; paths in it are absolute, or seen from FOLDER/<study>
#   FOLDER/<study>/                 its launch folder: results (unless outdir says otherwise), work, .nextflow.log
#   FOLDER/studies.tsv              study, status (done, failed), started, ended, digest of its parameters, last line
set -euo pipefail
PIPELINE=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd)
[ $# -gt 0 ] && [ -d "$1" ] || { echo "ERROR: usage: tools/run_studies.sh FOLDER [options of nextflow run ...]" >&2; exit 2; }
folder=$(cd "$1" && pwd)
shift
exec 9>"$folder/.lock"
flock -n 9 || { echo "ERROR: $folder: its studies are being run already" >&2; exit 2; }
shopt -s nullglob
sheets=("$folder"/*.yml "$folder"/*.json)
[ ${#sheets[@]} -gt 0 ] || { echo "ERROR: $folder has no params file (<study>.yml or <study>.json)" >&2; exit 2; }
twice=$(printf '%s\n' "${sheets[@]%.*}" | sort | uniq -d | head -1)
[ -z "$twice" ] || { echo "ERROR: ${twice##*/} has two params files, .yml and .json; keep one" >&2; exit 2; }
table=$folder/studies.tsv
[ -f "$table" ] || printf 'study\tstatus\tstarted\tended\tparameters\tlast\n' >"$table"
failed=0
for sheet in "${sheets[@]}"; do
    study=$(basename "${sheet%.*}")
    digest=$(sha256sum "$sheet" | cut -d' ' -f1)
    known=$(awk -F'\t' -v study="$study" '$1 == study { said = $2 " " $5 } END { print said }' "$table")
    [ "$known" != "done $digest" ] || { echo "$study: done before"; continue; }
    mkdir -p "$folder/$study"
    again=()
    [ ! -f "$folder/$study/.nextflow/history" ] || again=(-resume)
    started=$(date -u +%FT%TZ)
    status=done
    (cd "$folder/$study" && "$PIPELINE/tools/nextflow" run "$PIPELINE" -params-file "$sheet" -ansi-log false "${again[@]}" "$@") \
        >"$folder/$study/run.log" 2>&1 9>&- || status=failed
    # what is wrong in one line, else what is said last
    last=$(grep -m1 'ERROR' "$folder/$study/run.log" || grep -v '^ *$' "$folder/$study/run.log" | tail -1 || true)
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$study" "$status" "$started" "$(date -u +%FT%TZ)" "$digest" "$(tr '\t' ' ' <<<"$last")" >>"$table"
    echo "$study: $status: $last"
    [ "$status" = done ] || failed=$((failed + 1))
done
[ "$failed" = 0 ] || { echo "ERROR: $failed of ${#sheets[@]} studies failed: $table, <study>/run.log" >&2; exit 1; }
