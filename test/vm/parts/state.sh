# shellcheck shell=bash
# What is known of a container on v2, with crun and with runc: frozen ones, events of what the kernel did, figures beside the kernel's own,
# checkpoints where criu can make them and one sentence where it cannot.

partPause() {
  local runtime=$1 directory before
  gantry run -d --runtime "$runtime" --name counts $image sh -c 'n=0; while sleep 0.1; do n=$((n + 1)); echo $n; done' >/dev/null
  directory=$cgroup/gantry/$(field counts .Id)
  sleep 1
  gantry pause counts >/dev/null
  same "$runtime: frozen" "$(grep frozen "$directory/cgroup.events") $(field counts .State.Status) $(field counts .State.Paused)" "frozen 1 paused true"
  before=$(gantry logs counts | wc -l)
  sleep 1
  same "$runtime: it stands still" "$(gantry logs counts | wc -l)" "$before"
  like "$runtime: exec is refused" "$(gantry exec counts true 2>&1)" 'paused'
  same "$runtime: figures of a frozen one" "$(stat counts CPUPerc)" 0.00
  kill -9 "$(enginePid)"
  same "$runtime: frozen also for the next engine" "$(field counts .State.Status)" paused
  gantry unpause counts >/dev/null
  sleep 1
  between "$runtime: it goes on" "$(gantry logs counts | wc -l)" $((before + 2)) 100000
  gantry stop -t 0 counts >/dev/null
  gantry rm counts >/dev/null
}

partFigures() {
  local runtime=$1 directory
  gantry run -d --runtime "$runtime" --name figures --memory 100m --cpus 0.3 --pids-limit 20 $image sh -c \
    'dd if=/dev/zero of=/dev/shm/x bs=1M count=40; dd if=/dev/zero of=/f bs=1M count=10; sync; sleep 1000 & while :; do :; done' >/dev/null
  directory=$cgroup/gantry/$(field figures .Id)
  sleep 6
  between "$runtime: CPU" "$(stat figures CPUPerc)" 22 36
  between "$runtime: throttled" "$(stat figures Throttled)" 50 100
  between "$runtime: memory" "$(stat figures MemPerc)" 40 46
  same "$runtime: processes" "$(stat figures PIDs)" "$(cat "$directory/pids.current")"
  like "$runtime: block I/O" "$(stat figures BlockIO)" '/ 1[0-3](\.[0-9]+)?MB$'
  gantry exec figures ping -c 3 -W 5 10.0.2.2 >/dev/null 2>&1
  like "$runtime: network" "$(stat figures NetIO)" '^[1-9][0-9.]*k?B / [1-9][0-9.]*k?B$'
  gantry rm -f figures >/dev/null
}

partOutOfMemory() {
  local runtime=$1 since
  since=$(date +%s)
  # A child is killed, the container goes on.
  gantry run -d --runtime "$runtime" --name child --memory 32m --memory-swap 32m $image \
    sh -c 'sleep 3; dd if=/dev/zero of=/dev/shm/x bs=1M count=60; rm /dev/shm/x; sleep 1000' >/dev/null
  sleep 8
  same "$runtime: event of a killed child" "$(gantry events --since "$since" --until "$(date +%s)" --filter event=oom --filter container=child \
    --format '{{.Action}}' 2>&1 | sort | uniq -c | tr -s ' ')" " 1 oom"
  isRunning child
  same "$runtime: its parent goes on" $? 0
  gantry rm -f child >/dev/null
  since=$(date +%s)
  gantry run --runtime "$runtime" --name itself --memory 32m --memory-swap 32m $image dd if=/dev/zero of=/dev/shm/x bs=1M count=60 >/dev/null 2>&1
  sleep 1
  like "$runtime: events of a killed container" "$(gantry events --since "$since" --until "$(date +%s)" --filter container=itself \
    --format '{{.Action}}' 2>&1 | tr '\n' ' ')" 'start .*oom .*die'
  like "$runtime: the list says why" "$(gantry ps -a --filter name=itself)" 'Exited \(137\).*memory'
  gantry rm -f itself >/dev/null
}

partCheckpoint() {
  local runtime=$1 said before
  gantry run -d --runtime "$runtime" --name frozen --network none $image sh -c 'n=0; while sleep 0.2; do n=$((n + 1)); echo $n; done' >/dev/null
  sleep 2
  if said=$(gantry checkpoint create frozen first 2>&1); then
    same "$runtime: it ends with its checkpoint" "$(field frozen .State.Running) $(gantry checkpoint ls frozen | grep -c first)" "false 1"
    before=$(gantry logs frozen | tail -1)
    gantry start --checkpoint first frozen
    same "$runtime: start from a checkpoint" $? 0
    sleep 2
    between "$runtime: it goes on where it was" "$(gantry logs frozen | awk -v b="$before" '$1 > b { print; exit }')" $((before + 1)) $((before + 1))
    gantry checkpoint rm frozen first >/dev/null
  else
    note "$said"
    same "$runtime: no checkpoint, one sentence" "$(printf '%s\n' "$said" | grep -vc '^hint:')" 1
    isRunning frozen
    same "$runtime: and it goes on" $? 0
  fi
  gantry rm -f frozen >/dev/null
}

part_state() {
  startEngine
  for runtime in crun runc; do
    partPause $runtime
    partFigures $runtime
    partOutOfMemory $runtime
    partCheckpoint $runtime
  done
  partPurge
}
