#!/bin/bash
# What run.sh runs inside the virtual machine, as root: real use of Gantry on pure cgroup v2 under systemd. A line a check:
# `ok NAME`, or `FAIL NAME: why`; lines with `#` are for people. Ends the machine. What is checked stands in parts/*.sh, each with its
# functions part_…; this file has what they share. By hand, in the machine: `/opt/vm/checks.sh apparmor limits` runs these.
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

# The engine that everybody has, started by a command, with its first image.
startEngine() {
  gantry engine start | sed 's/^/# /'
  eventually 60 sh -c "gantry images -q | grep -q ." || miss "starter image" "not there after 60 s"
}
# answers URL: as curl does, within five seconds
answers() { curl -sf -m 5 -o /dev/null "$1"; }
# then PART...: what comes after the next boot, before the other parts
then_() {
  echo "$* $(cat /opt/vm/todo)" >/opt/vm/todo
  sync
}

part_shell() { bash -i; }

export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8
cd /
for file in /opt/vm/parts/*.sh; do . "$file"; done
runPart() {
  local began=$SECONDS
  note "--- $1"
  "part_$1"
  note "--- $1 took $((SECONDS - began)) s"
}
if [ $# -gt 0 ]; then
  # In shells of their own: an error of theirs must not lead on to what ends the machine.
  for part in "$@"; do (runPart "$part"); done
  exit
fi
eventually 60 systemctl is-active ssh
ip link set eth0 up
ip address add 10.0.2.15/24 dev eth0
ip route add default via 10.0.2.2
note "$(uname -sr), $(runc --version | head -1), $(crun --version | head -1), $(conmon --version | head -1), $(systemctl --version | head -1)"
note "security modules: $(cat /sys/kernel/security/lsm)"
note "mounted: $(grep cgroup /proc/mounts)"
while read -r part rest </opt/vm/todo && [ -n "$part" ]; do
  echo "$rest" >/opt/vm/todo
  (runPart "$part")
done
echo "VM DONE"
sync
systemctl poweroff
