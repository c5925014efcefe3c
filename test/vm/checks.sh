#!/bin/bash
# What run.sh runs inside the virtual machine, as root: real use of Gantry on pure cgroup v2 under systemd. A line a check:
# `ok NAME`, or `FAIL NAME: why`; lines with `#` are for people. Ends the machine.
cgroup=/sys/fs/cgroup
image=gantry/busybox

note() { printf '# %s\n' "$*"; }
pass() { printf 'ok %s\n' "$1"; }
miss() { printf 'FAIL %s: %s\n' "$1" "$(printf %s "$2" | tr '\n' '|')"; }
# same NAME GOT WANTED
same() { if [ "$2" = "$3" ]; then pass "$1"; else miss "$1" "got '$2', wanted '$3'"; fi; }
# like NAME GOT PATTERN (extended regular expression)
like() { if printf %s "$2" | grep -qE -- "$3"; then pass "$1"; else miss "$1" "'$2' is not like '$3'"; fi; }
# between NAME GOT LEAST MOST
between() {
  if awk -v v="$2" -v a="$3" -v b="$4" 'BEGIN { exit !(v != "" && v + 0 >= a && v + 0 <= b) }'; then pass "$1 ($2)"; else
    miss "$1" "got '$2', wanted $3 to $4"
  fi
}
# eventually SECONDS COMMAND...: until it succeeds
eventually() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.3
  done
}

field() { gantry inspect --format "{{$2}}" "$1" 2>&1; }
pidOf() { field "$1" .State.Pid; }
# Where systemd tracks its units: v2, else its own named hierarchy of v1.
tracked=$cgroup
[ -d $cgroup/systemd ] && tracked=$cgroup/systemd
[ -d $cgroup/unified ] && tracked=$cgroup/unified
cgroupOf() { sed -nE 's/^(0:|[0-9]+:name=systemd):(.*)$/\2/p' "/proc/$1/cgroup" | sort -u; }
conmonOf() { pgrep -f "conmon .*-u $(field "$1" .Id)"; }
enginePid() { gantry engine status 2>/dev/null | sed -n 's/.*pid \([0-9]*\).*/\1/p'; }
isRunning() { [ "$(field "$1" .State.Running)" = true ]; }
hasEnded() { [ "$(field "$1" .State.Running)" = false ]; }
stat() { gantry stats --no-stream --format "{{.$2}}" "$1" 2>&1 | tr -d '%'; }

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

isUp() { gantry engine status | grep -q runs; }
isDown() { gantry engine status | grep -q 'not running'; }

# The engine as a service of systemd's.
partUnit() {
  cat >/etc/systemd/system/gantry.service <<UNIT
[Service]
ExecStart=/opt/gantry/dist/node /opt/gantry/dist/engine.mjs serve --foreground
Restart=always
RestartSec=100ms
UNIT
  systemctl daemon-reload
  systemctl start gantry
  eventually 30 isUp
  same "engine as a service" "$(cgroupOf "$(enginePid)")" /system.slice/gantry.service
  local pid conmon
  gantry run -d --name kept $image sh -c 'n=0; while sleep 0.2; do n=$((n + 1)); echo $n; done' >/dev/null
  pid=$(pidOf kept) conmon=$(conmonOf kept)
  gantry exec -d kept sleep 777
  sleep 1
  note "conmon in $(cgroupOf "$conmon"), of $(tr '\n' ';' <"/proc/$conmon/cgroup")"
  like "nobody but the engine in its unit" "$(cat $tracked/system.slice/gantry.service/cgroup.procs | xargs -I{} cat /proc/{}/comm | sort -u | tr '\n' ' ')" '^(node|MainThread|gantry)[^ ]* $'
  systemctl restart gantry
  eventually 30 isUp
  same "container outlives restart of the unit" "$(pidOf kept) $(conmonOf kept)" "$pid $conmon"
  like "and so does an exec session" "$(gantry top kept 2>&1)" 'sleep 777'
  systemctl stop gantry
  sleep 1
  kill -0 "$pid" && kill -0 "$conmon"
  same "and stop of the unit" $? 0
  systemctl start gantry
  eventually 30 isUp
  systemctl kill -s KILL gantry
  sleep 1
  eventually 30 isUp
  same "and a kill of all in the unit" "$(pidOf kept) $(conmonOf kept)" "$pid $conmon"
  same "no line is lost by then" "$(gantry logs kept | awk '$1 != NR { print "line", NR, "is", $1; exit }')" ""
  gantry rm -f kept >/dev/null
  systemctl stop gantry
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

# What logind does at logout where KillUserProcesses is set: it stops the scope of the session.
partLogout() {
  local scope
  ssh -tt localhost gantry run -d --name stays $image sleep 1000 >/dev/null 2>&1
  scope=$(basename "$(cgroupOf "$(enginePid)")")
  like "engine is in its login session" "$scope" '^session-.*scope$'
  systemctl stop "$scope"
  eventually 10 isDown
  same "the engine goes with a session that is killed" $? 0
  like "its containers stay" "$(field stays .State.Status) $(gantry exec stays echo yes)" 'running yes'
  gantry rm -f stays >/dev/null
}

part_unit() {
  partUnit
  partLogout
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

# What has returned success survives a power cut: nothing is synced here, and the machine starts anew at once.
part_reboot() {
  echo rebooted >/opt/vm/parts
  sync
  eventually 60 sh -c "gantry images -q | grep -q ." || miss "starter image" "not there after 60 s"
  gantry run -d --name always --restart always -p 8088:80 $image sh -c 'echo up; httpd -f -p 80 -h /etc' >/dev/null
  gantry run -d --name once $image sleep 1000 >/dev/null
  gantry run --name written $image sh -c 'echo kept >/file; echo said' >/dev/null
  gantry load -i /opt/vm/many-layers.tar >/dev/null 2>&1
  gantry create --name made many:layers cat /layers/7 >/dev/null
  echo b >/proc/sysrq-trigger
}

part_rebooted() {
  same "engine is down after boot" "$(gantry engine status >/dev/null; echo $?)" 3
  gantry ps -a | sed 's/^/# /'
  like "a container that had no wish to restart" "$(field once .State.Status)" exited
  eventually 20 isRunning always
  same "restart policy after a boot" $? 0
  eventually 10 curl -s http://127.0.0.1:8088/hostname
  same "its port after a boot" $? 0
  same "log of before" "$(gantry logs written)" said
  gantry start once >/dev/null
  same "start after a boot" "$(gantry exec once echo yes 2>&1)" yes
  same "what was loaded and created" "$(gantry start -a made 2>&1)" x
  partPurge
}

part_shell() { bash -i; }

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
cd /
eventually 60 systemctl is-active ssh
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
note "$(uname -sr), $(runc --version | head -1), $(crun --version | head -1), $(conmon --version | head -1), $(systemctl --version | head -1)"
note "security modules: $(cat /sys/kernel/security/lsm)"
note "mounted: $(grep cgroup /proc/mounts)"
for part in $(cat /opt/vm/parts); do
  note "--- $part"
  began=$SECONDS
  "part_$part"
  note "--- $part took $((SECONDS - began)) s"
done
echo "VM DONE"
sync
systemctl poweroff
