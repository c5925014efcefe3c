# shellcheck shell=bash
# --userns auto on kernel 6.1, where overlays stand on idmapped layers by mount(2)'s short links: root inside is nobody outside, files on
# the disk keep the image's owners, ranges differ, volumes are shared, low ports and names work, also with 127 layers.

rangeOf() { gantry exec "$1" awk '$1 == 0 { print $2 }' /proc/self/uid_map 2>&1; }

partMapped() {
  local runtime=$1 first second
  gantry network create mapped >/dev/null
  gantry run -d --runtime "$runtime" --name one --userns auto --network mapped -v both:/both -p 8087:80 $image \
    sh -c 'echo made >/made; echo one >/both/one; mkdir /www; echo page >/www/index.html; httpd -f -p 80 -h /www' >/dev/null
  gantry run -d --runtime "$runtime" --name two --userns auto --network mapped -v both:/both --memory 64m $image sleep 1000 >/dev/null
  first=$(rangeOf one) second=$(rangeOf two)
  between "$runtime: ids of the first" "$first" 1073741824 2147483648
  between "$runtime: ids of the second" "$second" 1073741824 2147483648
  like "$runtime: they differ" "$(printf '%s %s' "$first" "$second" | awk '{ d = $1 - $2; print (d < 0 ? -d : d) }')" '^[0-9]{5,}$'
  same "$runtime: root is nobody on the host" "$(awk '/^[UG]id:/ { printf "%s ", $2 }' "/proc/$(pidOf one)/status")" "$first $first "
  same "$runtime: root is root inside" "$(gantry exec one stat -c '%u:%g' /bin/busybox /made /both /both/one 2>&1 | sort -u)" 0:0
  same "$runtime: files on the disk are root's" "$(find /var/lib/gantry -path '*/upper/made' -exec stat -c '%u:%g' {} + | sort -u)" 0:0
  same "$runtime: files of a volume are the other's, too" "$(gantry exec two sh -c 'rm /both/one && stat -c %u /both' 2>&1)" 0
  same "$runtime: other owners" "$(gantry exec two sh -c 'touch /x && chown 1000:1001 /x && stat -c %u:%g /x' 2>&1)" 1000:1001
  eventually 10 answers http://127.0.0.1:8087/
  same "$runtime: a low port" $? 0
  same "$runtime: a name" "$(gantry exec two wget -qO - http://one/ 2>&1)" page
  like "$runtime: the host's files are not its own" "$(gantry run --rm --runtime "$runtime" --userns auto -v /root:/host $image ls /host/.ssh 2>&1)" 'ermission denied'
  like "$runtime: nor are the kernel's settings" "$(gantry exec one sh -c 'echo 1 >/proc/sys/kernel/sysrq' 2>&1)" 'Read-only|ermission denied'
  gantry pause two >/dev/null
  same "$runtime: pause" "$(field two .State.Status)" paused
  gantry unpause two >/dev/null
  gantry update --memory 80m two >/dev/null
  same "$runtime: update" "$(cat $cgroup/gantry/"$(field two .Id)"/memory.max)" 83886080
  gantry restart -t 0 two >/dev/null
  same "$runtime: the same ids after a restart, and its files" "$(rangeOf two) $(gantry exec two stat -c %u:%g /x)" "$second 1000:1001"
  gantry commit two mapped:copy >/dev/null
  same "$runtime: a commit has the inner owners" "$(gantry run --rm --runtime "$runtime" mapped:copy stat -c %u:%g /x 2>&1)" 1000:1001
  kill -9 "$(enginePid)"
  same "$runtime: after kill -9 of the engine" "$(gantry exec one cat /made 2>&1)" made
  gantry rm -f one two >/dev/null
  gantry rmi mapped:copy >/dev/null
  gantry volume rm both >/dev/null
  gantry network rm mapped >/dev/null
  gantry load -i /opt/vm/many-layers.tar >/dev/null 2>&1
  same "$runtime: 127 layers" "$(gantry run --rm --runtime "$runtime" --userns auto many:layers sh -c 'ls /layers | wc -l; touch /layers/new' 2>&1)" 126
  same "$runtime: leaves no mount" "$(grep -c 'gantry.*\(mapped\|merged\|rootfs\)' /proc/mounts)" 0
}

part_userns() {
  startEngine
  for runtime in crun runc; do partMapped $runtime; done
  partPurge
}
