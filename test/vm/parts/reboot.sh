# shellcheck shell=bash
# A power cut, without a unit: the first command after the boot starts the engine.

# What has returned success survives a power cut: nothing is synced here, and the machine starts anew at once.
part_reboot() {
  then_ rebooted
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
