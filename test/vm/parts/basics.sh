# shellcheck shell=bash
# What everybody does, under each runtime: runs from a login session, cgroups and limits, deep images, a killed engine, the demo, the end.

partBasics() {
  local runtime=$1
  like "doctor says v2" "$(gantry engine doctor)" '^ok +cgroups +v2: cpu, cpuset, memory, pids, io'
  gantry engine doctor | sed 's/^/# /'
  gantry engine doctor >/dev/null
  same "doctor finds nothing failed" $? 0
  # From a login session that ends at once.
  ssh localhost gantry engine start | sed 's/^/# /'
  sleep 1
  like "engine outlives its login session" "$(gantry engine status)" 'runs: pid'
  note "engine is in $(cgroupOf "$(enginePid)"); sessions: $(loginctl --no-legend list-sessions | tr '\n' ';')"
  like "info names the runtime" "$(gantry info)" "$runtime"
  like "info says v2" "$(gantry info | grep -i cgroup)" 'v2'
  eventually 30 sh -c "gantry images -q | grep -q ." || miss "starter image" "not there after 30 s"

  same "run gives output" "$(gantry run --rm $image echo hello 2>&1)" hello
  gantry run --rm $image sh -c 'exit 7'
  same "run gives exit code" $? 7
  same "run on no network" "$(gantry run --rm --network none $image echo hello 2>&1)" hello
  # The gateway that qemu plays: packets leave through NAT.
  same "outside is reached" "$(gantry run --rm $image ping -c 1 -W 5 10.0.2.2 2>&1 | grep -c '1 packets received')" 1
  ssh -tt localhost gantry run -d --name login $image sleep 1000 >/dev/null 2>&1
  sleep 1
  isRunning login
  same "container outlives its login session" $? 0
  gantry rm -f login >/dev/null
}

partCgroups() {
  local id pid
  gantry run -d --name where --memory 64m --cpus 0.5 --pids-limit 50 --cpu-shares 512 $image sleep 1000 >/dev/null
  id=$(field where .Id) pid=$(pidOf where)
  same "cgroup of container" "$(cgroupOf "$pid")" "/gantry/$id"
  same "memory.max" "$(cat $cgroup/gantry/$id/memory.max)" 67108864
  same "memory.swap.max" "$(cat $cgroup/gantry/$id/memory.swap.max)" 67108864
  same "cpu.max" "$(cat $cgroup/gantry/$id/cpu.max)" "50000 100000"
  same "pids.max" "$(cat $cgroup/gantry/$id/pids.max)" 50
  between "cpu.weight" "$(cat $cgroup/gantry/$id/cpu.weight)" 19 60
  same "own cgroup namespace" "$(gantry exec where cat /proc/self/cgroup)" "0::/"
  same "limit seen inside" "$(gantry exec where cat /sys/fs/cgroup/memory.max)" 67108864
  like "cgroups are read-only inside" "$(gantry exec where mkdir /sys/fs/cgroup/x 2>&1)" 'Read-only'
  same "privileged may write its cgroups" \
    "$(gantry run --rm --privileged $image sh -c 'mkdir /sys/fs/cgroup/x && rmdir /sys/fs/cgroup/x && echo yes' 2>&1)" yes
  same "conmon's cgroup" "$(cgroupOf "$(conmonOf where)")" /gantry/conmon
  like "devices are kept away" \
    "$(gantry run --rm --cap-add ALL $image sh -c 'mknod /tmp/d b 254 0; head -c 1 /tmp/d' 2>&1)" 'not permitted'
  systemctl daemon-reload
  systemctl set-property --runtime ssh.service CPUWeight=50 IOWeight=50
  systemctl set-property --runtime ssh.service CPUWeight= IOWeight=
  systemctl daemon-reload
  same "limits stay through systemd's reload" "$(cat $cgroup/gantry/$id/memory.max $cgroup/gantry/$id/cpu.max | tr '\n' ' ')" \
    "67108864 50000 100000 "

  gantry pause where >/dev/null
  same "pause freezes" "$(cat $cgroup/gantry/$id/cgroup.freeze) $(field where .State.Status)" "1 paused"
  gantry unpause where >/dev/null
  same "unpause thaws" "$(cat $cgroup/gantry/$id/cgroup.freeze) $(field where .State.Status)" "0 running"
  gantry pause where >/dev/null
  gantry kill where >/dev/null
  eventually 10 hasEnded where
  same "kill of a paused one" "$(field where .State.ExitCode)" 137
  gantry start where >/dev/null
  isRunning where
  same "start again" $? 0
  gantry stop -t 1 where >/dev/null
  same "stop" "$(field where .State.Status) $(field where .State.ExitCode)" "exited 137"
  same "no cgroup after stop" "$([ -e "$cgroup/gantry/$id" ]; echo $?)" 1
  gantry rm where >/dev/null
  like "rm" "$(field where .Id)" "no container"
}

partLimits() {
  gantry run --name oom --memory 32m $image sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=60; sleep 1' >/dev/null 2>&1
  note "a shell whose child was killed: $(field oom .State.OOMKilled) $(field oom .State.ExitCode)"
  gantry rm -f oom >/dev/null
  gantry run --name oom --memory 32m --memory-swap 32m $image dd if=/dev/zero of=/dev/shm/x bs=1M count=60 >/dev/null 2>&1
  same "exit code of out of memory" $? 137
  same "inspect says out of memory" "$(field oom .State.OOMKilled) $(field oom .State.ExitCode)" "true 137"
  gantry rm -f oom >/dev/null

  gantry run -d --name busy --cpus 0.2 $image sh -c 'while :; do :; done' >/dev/null
  sleep 4
  between "cpu percent under --cpus 0.2" "$(stat busy CPUPerc)" 14 26
  between "throttled percent" "$(stat busy Throttled)" 50 100
  gantry rm -f busy >/dev/null

  gantry run -d --name forks --pids-limit 8 $image sh -c '(while :; do sleep 1000 & done); sleep 1000' >/dev/null
  sleep 2
  between "pids under the limit" "$(stat forks PIDs)" 1 8
  like "fork is refused" "$(gantry logs forks 2>&1)" "can't fork"
  gantry rm -f forks >/dev/null

  gantry run -d --name memory --memory 100m $image sh -c 'dd if=/dev/zero of=/dev/shm/x bs=1M count=40 2>/dev/null; sleep 1000' >/dev/null
  sleep 3
  local directory used
  directory=$cgroup/gantry/$(field memory .Id)
  used=$(($(cat "$directory/memory.current") - $(sed -n 's/^inactive_file //p' "$directory/memory.stat")))
  note "stats: $(stat memory MemUsage), $(stat memory MemPerc) %; kernel: $used bytes, io.stat: $(cat "$directory/io.stat" | tr '\n' ';')"
  like "memory used and limit" "$(stat memory MemUsage)" '^4[0-4](\.[0-9]+)?MiB / 100MiB$'
  between "memory percent" "$(stat memory MemPerc)" 40 44
  local told
  told=$(curl -s --unix-socket /run/gantry/docker.sock 'http://docker/containers/memory/stats?stream=0')
  note "docker's clients are told: $told"
  between "memory that docker's clients are told" "$(printf %s "$told" | sed -n 's/.*"memory_stats":{"usage":\([0-9]*\),.*/\1/p')" "$used" $((used + 8000000))
  like "limit, kernel's names and processor time for docker's clients" "$told" \
    '"total_usage":[1-9][0-9]*,"usage_in_k.*"memory_stats":.*"inactive_file":[0-9]+.*"limit":104857600'
  same "nothing of v1 for docker's clients" "$(printf %s "$told" | grep -oE 'max_usage|percpu_usage|failcnt')" ""
  gantry rm -f memory >/dev/null

  gantry run -d --name disk $image sh -c 'dd if=/dev/zero of=/file bs=1M count=20 2>/dev/null; sync; sleep 1000' >/dev/null
  sleep 4
  like "block IO is counted" "$(stat disk BlockIO)" '/ 2[0-9](\.[0-9]+)?MB$'
  gantry rm -f disk >/dev/null
}

partLayers() {
  gantry load -i /opt/vm/many-layers.tar 2>&1 | sed 's/^/# /'
  same "127 layers on kernel $(uname -r)" "$(gantry run --rm many:layers sh -c 'ls /layers | wc -l' 2>&1)" 126
  gantry rmi many:layers >/dev/null
}

partCrash() {
  gantry run -d --name counter $image sh -c 'n=0; while sleep 0.2; do n=$((n + 1)); echo $n; done' >/dev/null
  gantry run -d --name ends $image sh -c 'sleep 4; exit 5' >/dev/null
  gantry run -d --name grows --memory 32m --memory-swap 32m $image sh -c 'sleep 4; exec dd if=/dev/zero of=/dev/shm/x bs=1M count=60' >/dev/null
  local pid
  pid=$(pidOf counter)
  kill -9 "$(enginePid)"
  sleep 8
  kill -0 "$pid"
  same "container outlives kill -9 of the engine" $? 0
  same "it is the same one" "$(pidOf counter)" "$pid"
  same "exit code while no engine was there" "$(field ends .State.Status) $(field ends .State.ExitCode)" "exited 5"
  same "out of memory while no engine was there" "$(field grows .State.OOMKilled) $(field grows .State.ExitCode)" "true 137"
  sleep 1
  same "no line is lost" "$(gantry logs counter | awk '$1 != NR { print "line", NR, "is", $1; exit }')" ""
  between "memory is measured again" "$(stat counter MemPerc)" 0.001 50
  gantry rm -f counter ends grows >/dev/null
}

partDemo() {
  gantry demo | sed 's/^/# /'
  eventually 20 sh -c 'curl -s http://127.0.0.1:$(gantry port demo-web 80 | head -1 | sed "s/.*://")/ | grep -q "It works"'
  same "demo's page" $? 0
  sleep 3
  gantry stats --no-stream | sed 's/^/# /'
  tmux -u new-session -d -x 130 -y 36 'gantry 2>/tmp/dashboard.err'
  eventually 30 sh -c 'tmux capture-pane -p | grep -q "demo-stairs.*[0-9]%"'
  sleep 4
  tmux capture-pane -p | sed 's/^/# /'
  like "dashboard shows the demo" "$(tmux capture-pane -p)" 'demo-stairs'
  tmux send-keys q
  eventually 10 sh -c '! tmux ls'
  same "dashboard ends" $? 0
  cat /tmp/dashboard.err
  gantry demo --remove >/dev/null
  same "demo is taken away" "$(gantry ps -aq)" ""
}

partPurge() {
  gantry run -d --name left -p 8099:80 $image sleep 1000 >/dev/null
  gantry engine purge --force | tail -3 | sed 's/^/# /'
  same "purge leaves no cgroup" "$(find $cgroup -name '*gantry*' | grep -v gantry-vm.service)" ""
  same "purge leaves no mount" "$(grep -c gantry /proc/mounts)" 0
  same "purge leaves no rules" "$(nft list tables | grep gantry)" ""
  same "purge leaves no interface" "$(ip -o link | grep gantry)" ""
  same "purge leaves no netns" "$(ip netns list)" ""
  same "purge leaves no process" "$(pgrep -a conmon; pgrep -f engine.mjs)" ""
  same "purge leaves no directory" "$(ls -d /var/lib/gantry /run/gantry 2>/dev/null)" ""
}

part_crun() {
  partBasics crun
  partCgroups
  partLimits
  partLayers
  partCrash
  partDemo
  partPurge
}

# crun is hidden: the other runtime, and the answer of the self-test has to change.
part_runc() {
  mv /usr/bin/crun /usr/bin/crun.hidden
  partBasics runc
  partCgroups
  partLimits
  partCrash
  partPurge
  mv /usr/bin/crun.hidden /usr/bin/crun
}
