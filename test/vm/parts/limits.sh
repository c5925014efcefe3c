# shellcheck shell=bash
# Every limit of `run` and `update` on pure v2, with crun and with runc: as the files of the cgroup say it, by its effect where that
# costs little, changed while the container runs, and left as it was, in the kernel and in the records, where one of several is refused.

# limitsOf DIRECTORY: a line of all limits
limitsOf() {
  local file
  for file in memory.max memory.swap.max memory.low cpu.max cpu.weight cpuset.cpus pids.max; do
    printf '%s=%s ' "$file" "$(cat "$1/$file")"
  done
  printf 'io.weight=%s io.max=%s' "$(sed -n 's/^default //p' "$1/io.weight")" "$(cut -d ' ' -f 2- "$1/io.max" | tr '\n' ';')"
}
recordOf() {
  field "$1" ".HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemoryReservation}} {{.HostConfig.NanoCpus}} \
{{.HostConfig.CpuShares}} {{.HostConfig.CpusetCpus}} {{.HostConfig.PidsLimit}} {{.HostConfig.BlkioWeight"
}

partLimitFiles() {
  local runtime=$1 directory before
  gantry run -d --name lim --runtime "$runtime" --memory 64m --memory-swap 96m --memory-reservation 32m --cpus 0.5 --cpuset-cpus 0 \
    --cpu-shares 2048 --pids-limit 40 --blkio-weight 300 --device-write-bps /dev/vda:1mb --device-read-iops /dev/vda:500 \
    $image sleep 1000 >/dev/null
  directory=$cgroup/gantry/$(field lim .Id)
  same "$runtime: limits of run" "$(limitsOf "$directory")" "memory.max=67108864 memory.swap.max=33554432 memory.low=33554432 \
cpu.max=50000 100000 cpu.weight=79 cpuset.cpus=0 pids.max=40 io.weight=2930 io.max=rbps=max wbps=1048576 riops=500 wiops=max;"
  same "$runtime: limits in the record" "$(recordOf lim)" "67108864 100663296 33554432 500000000 2048 0 40 300"
  same "$runtime: its processors" "$(gantry exec lim grep Cpus_allowed_list /proc/self/status | tr -d '\t')" "Cpus_allowed_list:0"

  gantry update --memory 128m --memory-swap 160m --memory-reservation 48m --cpus 1.5 --cpuset-cpus 0-1 --cpu-shares 512 --pids-limit 60 \
    --blkio-weight 700 lim >/dev/null
  before="memory.max=134217728 memory.swap.max=33554432 memory.low=50331648 cpu.max=150000 100000 cpu.weight=20 cpuset.cpus=0-1 \
pids.max=60 io.weight=6970 io.max=rbps=max wbps=1048576 riops=500 wiops=max;"
  same "$runtime: limits after update" "$(limitsOf "$directory")" "$before"
  same "$runtime: record after update" "$(recordOf lim)" "134217728 167772160 50331648 1500000000 512 0-1 60 700"
  same "$runtime: its processors after update" "$(gantry exec lim grep Cpus_allowed_list /proc/self/status | tr -d '\t')" \
    "Cpus_allowed_list:0-1"

  # The kernel takes the first ones and then refuses one.
  mount --bind "$directory/pids.max" "$directory/pids.max"
  mount -o remount,bind,ro "$directory/pids.max"
  like "$runtime: a refused update says what" "$(gantry update --memory 100m --cpus 0.3 --cpuset-cpus 1 --pids-limit 20 lim 2>&1)" 'pids.max'
  umount "$directory/pids.max"
  same "$runtime: it is undone whole" "$(limitsOf "$directory")" "$before"
  same "$runtime: also in the record" "$(recordOf lim)" "134217728 167772160 50331648 1500000000 512 0-1 60 700"
  like "$runtime: a processor that is not there" "$(gantry update --memory 90m --cpuset-cpus 7 lim 2>&1)" '7'
  gantry exec lim dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null
  like "$runtime: less memory than it uses" "$(gantry update --memory 20m --memory-swap 60m --memory-reservation 16m --cpus 0.2 lim 2>&1)" 'uses 4[0-9.]+ MB of memory'
  same "$runtime: and nothing has changed" "$(limitsOf "$directory")" "$before"
  isRunning lim
  same "$runtime: nor was anything killed" $? 0

  gantry restart -t 0 lim >/dev/null
  same "$runtime: limits after a restart" "$(limitsOf "$directory")" "$before"
  gantry update --pids-limit -1 --memory-swap -1 lim >/dev/null
  same "$runtime: limits taken away" "$(cat "$directory/pids.max" "$directory/memory.swap.max" | tr '\n' ' ')" "max max "
  gantry rm -f lim >/dev/null
}

partLimitEffects() {
  local runtime=$1 began directory
  gantry run --runtime "$runtime" --name oom --memory 32m --memory-swap 32m $image dd if=/dev/zero of=/dev/shm/x bs=1M count=60 >/dev/null 2>&1
  same "$runtime: out of memory" "$? $(field oom .State.OOMKilled)" "137 true"
  gantry rm -f oom >/dev/null

  gantry run -d --runtime "$runtime" --name forks --pids-limit 8 $image sh -c '(while :; do sleep 1000 & done); sleep 1000' >/dev/null
  directory=$cgroup/gantry/$(field forks .Id)
  eventually 10 grep -qE 'max [1-9]' "$directory/pids.events"
  same "$runtime: the limit of processes was hit" $? 0
  between "$runtime: processes below it" "$(cat "$directory/pids.current")" 2 8
  gantry rm -f forks >/dev/null

  gantry run -d --runtime "$runtime" --name busy --cpus 0.2 $image sh -c 'while :; do :; done' >/dev/null
  directory=$cgroup/gantry/$(field busy .Id)
  # Processor time of 5 s.
  usage() { sed -n 's/^usage_usec //p' "$directory/cpu.stat"; }
  began=$(usage)
  sleep 5
  between "$runtime: time under --cpus 0.2" $(($(usage) - began)) 800000 1300000
  gantry update --cpus 0.6 busy >/dev/null
  began=$(usage)
  sleep 5
  between "$runtime: time after update --cpus 0.6" $(($(usage) - began)) 2200000 3700000
  gantry rm -f busy >/dev/null

  began=$SECONDS
  gantry run --rm --runtime "$runtime" --device-write-bps /dev/vda:1mb $image dd if=/dev/zero of=/file bs=1M count=6 conv=fsync 2>/dev/null
  between "$runtime: seconds to write 6 MB at 1 MB/s" $((SECONDS - began)) 4 30
}

part_limits() {
  startEngine
  for runtime in crun runc; do
    partLimitFiles $runtime
    partLimitEffects $runtime
  done
  partPurge
}
