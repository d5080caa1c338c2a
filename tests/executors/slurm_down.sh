#!/usr/bin/env bash
# Stop what slurm_up.sh started, by its pid files.
DIR=${1:?usage: slurm_down.sh DIR}
for part in run/slurmd run/slurmctld munge/munged; do
    [ -s "$DIR/$part.pid" ] && kill "$(cat "$DIR/$part.pid")" 2>/dev/null
done
exit 0
