# shellcheck shell=bash
# AppArmor: the engine's own profile is loaded when it is needed, and confines a container, its exec sessions and health checks (seen by
# the kernel's word and by a mount that fails); none, or one of the administrator's, where that is asked for; one that is not there is refused;
# a purge unloads it.

confinementOf() { gantry exec "$1" cat /proc/self/attr/current 2>&1; }
isLoaded() { grep -q "^$1 " /sys/kernel/security/apparmor/profiles; }

partConfined() {
  local runtime=$1 mounting='mount -t tmpfs none /tmp && echo mounted'
  gantry run -d --runtime "$runtime" --name confined --health-cmd 'cat /proc/self/attr/current' --health-interval 1s $image sleep 1000 >/dev/null
  same "$runtime: process 1" "$(cat "/proc/$(pidOf confined)/attr/current")" "gantry-default (enforce)"
  same "$runtime: exec" "$(confinementOf confined)" "gantry-default (enforce)"
  same "$runtime: inspect" "$(field confined .AppArmorProfile)" gantry-default
  eventually 20 sh -c "gantry inspect --format '{{json .State.Health.Log}}' confined | grep -q 'gantry-default (enforce)'"
  same "$runtime: health check" $? 0
  gantry stop -t 1 confined >/dev/null
  gantry start confined >/dev/null
  same "$runtime: after stop and start" "$(confinementOf confined)" "gantry-default (enforce)"
  # The administrator's reload may take away what it does not know.
  gantry stop -t 0 confined >/dev/null
  echo 'profile "gantry-default" {}' | apparmor_parser -R
  gantry start confined >/dev/null
  same "$runtime: a profile that was taken away" "$(confinementOf confined)" "gantry-default (enforce)"
  gantry rm -f confined >/dev/null

  same "$runtime: a signal arrives" "$(gantry run -d --name sig --runtime "$runtime" $image sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done' >/dev/null
    sleep 1; gantry stop -t 20 sig >/dev/null; field sig .State.ExitCode)" 9
  gantry rm sig >/dev/null
  like "$runtime: a mount is denied" "$(gantry run --rm --runtime "$runtime" --cap-add SYS_ADMIN $image sh -c "$mounting" 2>&1)" 'ermission denied'
  same "$runtime: not without a profile" \
    "$(gantry run --rm --runtime "$runtime" --cap-add SYS_ADMIN --security-opt apparmor=unconfined $image sh -c "$mounting" 2>&1)" mounted
  gantry run -d --runtime "$runtime" --name free --security-opt apparmor=unconfined $image sleep 1000 >/dev/null
  same "$runtime: unconfined" "$(confinementOf free) $(field free .AppArmorProfile)" "unconfined unconfined"
  gantry rm -f free >/dev/null
  same "$runtime: a privileged one" "$(gantry run --rm --runtime "$runtime" --privileged $image cat /proc/self/attr/current)" unconfined

  gantry run -d --runtime "$runtime" --name own --security-opt apparmor=vm-custom $image sleep 1000 >/dev/null
  same "$runtime: a profile of the administrator's" "$(cat "/proc/$(pidOf own)/attr/current") $(confinementOf own)" \
    "vm-custom (enforce) vm-custom (enforce)"
  like "$runtime: it denies" "$(gantry exec own touch /secret 2>&1)" 'ermission denied'
  same "$runtime: and allows" "$(gantry exec own touch /other 2>&1)" ""
  gantry rm -f own >/dev/null
  like "$runtime: a profile that is not there" "$(gantry run --rm --runtime "$runtime" --security-opt apparmor=nowhere $image true 2>&1
    echo "exit $?")" 'profile nowhere is not loaded$'
  same "$runtime: leaves no container" "$(gantry ps -aq)" ""
}

part_apparmor() {
  startEngine
  apparmor_parser -r <<'PROFILE'
profile vm-custom flags=(attach_disconnected,mediate_deleted) {
  network,
  capability,
  file,
  umount,
  signal,
  ptrace,
  deny /secret w,
}
PROFILE
  for runtime in crun runc; do partConfined $runtime; done
  isLoaded gantry-default
  same "the profile is loaded" $? 0
  partPurge
  isLoaded gantry-default
  same "purge unloads it" $? 1
  isLoaded vm-custom
  same "and no other" $? 0
  echo 'profile vm-custom {}' | apparmor_parser -R
}
