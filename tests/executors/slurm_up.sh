#!/usr/bin/env bash
# A one-node Slurm on loopback, without systemd, cgroups or a database.  slurm_up.sh DIR [HIDDEN]
# HIDDEN: a folder that jobs do not see, as on a cluster whose nodes do not share it. Stop it with slurm_down.sh DIR.
set -euo pipefail
DIR=${1:?usage: slurm_up.sh DIR [HIDDEN]}
HIDDEN=${2:-}
HOST=$(hostname -s)
mkdir -p "$DIR"/{state,spool,log,run,munge}
chmod 711 "$DIR/munge"
[ -s "$DIR/munge/key" ] || { dd if=/dev/urandom of="$DIR/munge/key" bs=1 count=128 status=none; chmod 600 "$DIR/munge/key"; }
[ -e "$DIR/munge/socket" ] || munged --force --key-file="$DIR/munge/key" --socket="$DIR/munge/socket" --pid-file="$DIR/munge/munged.pid" \
    --log-file="$DIR/munge/munged.log" --seed-file="$DIR/munge/seed"
cat >"$DIR/slurm.conf" <<EOF
ClusterName=test
SlurmctldHost=$HOST(127.0.0.1)
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
AuthInfo=socket=$DIR/munge/socket
CredType=cred/munge
SlurmUser=root
SlurmdUser=root
StateSaveLocation=$DIR/state
SlurmdSpoolDir=$DIR/spool
SlurmctldPidFile=$DIR/run/slurmctld.pid
SlurmdPidFile=$DIR/run/slurmd.pid
SlurmctldLogFile=$DIR/log/slurmctld.log
SlurmdLogFile=$DIR/log/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=512
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=2
JobAcctGatherParams=OverMemoryKill,NoShared
AccountingStorageType=accounting_storage/none
MailProg=/bin/true
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=10
KillWait=5
MaxArraySize=101
NodeName=$HOST NodeAddr=127.0.0.1 CPUs=$(getconf _NPROCESSORS_ONLN) RealMemory=$(awk '/^MemTotal/{print int($2/1024*0.9)}' /proc/meminfo) State=UNKNOWN
PartitionName=main Nodes=$HOST Default=YES MaxTime=INFINITE State=UP
EOF
export SLURM_CONF="$DIR/slurm.conf"
[ -s "$DIR/run/slurmctld.pid" ] || slurmctld -f "$SLURM_CONF"
if [ -n "$HIDDEN" ]; then
    unshare --mount --propagation private sh -ec "mount -t tmpfs none '$HIDDEN'; exec slurmd -f '$SLURM_CONF'"
else
    slurmd -f "$SLURM_CONF"
fi
for _ in $(seq 150); do
    [ "$(sinfo -h -o %t 2>/dev/null)" = idle ] && exit 0
    sleep 0.2
done
echo "slurm did not become idle" >&2
tail -20 "$DIR"/log/*.log >&2
exit 1
