# shellcheck shell=bash
# The engine under systemd: as a unit that is restarted, stopped and killed, and in a login session that ends.

isUp() { gantry engine status | grep -q runs; }
isDown() { gantry engine status | grep -q 'not running'; }

partUnit() {
  gantry engine install | sed 's/^/# /'
  eventually 60 sh -c "gantry images -q | grep -q ."
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
  gantry engine uninstall | sed 's/^/# /'
  same "no unit is left" "$(systemctl cat gantry 2>&1 | grep -c 'No files found')" 1
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
