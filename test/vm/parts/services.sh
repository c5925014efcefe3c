# shellcheck shell=bash
# Real services as an administrator runs them, on an engine that systemd keeps (`gantry engine install`): PostgreSQL with a named volume and
# a health check, Redis with limits and a health check, an application that finds both by name, nginx in front of it with published ports, jobs
# with --rm; beside them containers of every restart policy. The machine is rebooted in order, then its power is cut. After each boot
# what should be up is up (pages, ports, names, data, health, limits, addresses), what should not is not, and nothing is there twice.

services=real/services:1
up="db cache app web always by-hand fixed shared joined mapped frozen"
down="stopped once failed done made"

page() { curl -sf -m 20 http://127.0.0.1:8080/; }
isHealthy() { [ "$(field "$1" .State.Health.Status)" = healthy ]; }
rows() { gantry exec db psql -h /tmp -U postgres -tAc 'select count(*) from visits' 2>&1; }
job() { gantry run --rm --network shop $services psql -h db -U postgres -qc 'insert into visits default values' 2>&1; }

partDeploy() {
  gantry image inspect $services >/dev/null 2>&1 || gantry import -q -c 'ENV PATH=/usr/lib/postgresql/15/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    /opt/vm/services.tar $services 2>&1 | sed 's/^/# /'
  gantry network create --subnet 10.77.0.0/24 shop >/dev/null
  gantry network create --internal back >/dev/null
  gantry volume create pgdata >/dev/null
  gantry run -d --name db --network shop -v pgdata:/var/lib/postgresql -v /opt/vm/services:/opt/vm:ro -u postgres --restart always \
    --stop-signal SIGINT --memory 300m --shm-size 64m --health-cmd 'pg_isready -q -h /tmp' --health-interval 5s --health-timeout 20s \
    --health-retries 30 $services sh /opt/vm/db.sh >/dev/null
  gantry network connect --alias database back db
  gantry run -d --name cache --network shop -v cachedata:/data --restart unless-stopped --memory 64m --cpus 0.5 --pids-limit 50 --read-only \
    --health-cmd 'redis-cli ping | grep -q PONG' --health-interval 5s --health-timeout 20s --health-retries 30 \
    $services redis-server --save 1 1 --dir /data --maxmemory 32mb --protected-mode no >/dev/null
  gantry run -d --name app --network shop -v /opt/vm/services:/opt/vm:ro --restart on-failure -u nobody $services perl /opt/vm/app.pl >/dev/null
  gantry run -d --name web --network shop -v /opt/vm/services/nginx.conf:/etc/nginx/nginx.conf:ro --restart unless-stopped -p 8080:80 \
    -p 127.0.0.1:8081:80 --tmpfs /var/lib/nginx --tmpfs /var/log/nginx --stop-signal SIGQUIT $services nginx >/dev/null
  eventually 180 isHealthy db
  same "PostgreSQL is healthy" "$(field db .State.Health.Status)" healthy
  eventually 60 isHealthy cache
  same "Redis is healthy" "$(field cache .State.Health.Status)" healthy
  same "table" "$(gantry exec db psql -h /tmp -U postgres -qc 'create table visits (at timestamptz default now())' 2>&1)" ""
  for _ in 1 2 3; do same "job" "$(job)" ""; done
  like "page through nginx, application, PostgreSQL and Redis" "$(page)" '^visits 3 hits [0-9]+$'
}

# Containers of all policies, as busybox.
partPolicies() {
  gantry run -d --name always --restart always -p 8082:80 $image httpd -f -p 80 -h /etc >/dev/null
  # docker brings back an `always` that was stopped by hand, but not an `unless-stopped`.
  gantry run -d --name by-hand --restart always $image sleep 100000 >/dev/null
  gantry run -d --name stopped --restart unless-stopped $image sleep 100000 >/dev/null
  gantry stop -t 0 by-hand stopped >/dev/null
  gantry run -d --name once $image sleep 100000 >/dev/null
  gantry run -d --name failed --restart on-failure:1 $image sh -c 'exit 3' >/dev/null
  gantry run -d --name done --restart on-failure $image true >/dev/null
  gantry create --name made --restart always $image sleep 100000 >/dev/null
  gantry run -d --name gone --rm $image sleep 100000 >/dev/null
  gantry run -d --name fixed --network shop --ip 10.77.0.50 --network-alias still --restart always $image httpd -f -p 80 -h /etc >/dev/null
  gantry run -d --name shared --network back --restart always $image sleep 100000 >/dev/null
  gantry run -d --name joined --network container:web --restart always $image sleep 100000 >/dev/null
  gantry run -d --name mapped --userns auto --network shop --restart always -v mapped:/data $image sh -c 'date >>/data/starts; exec sleep 100000' >/dev/null
  gantry run -d --name frozen --restart always $image sleep 100000 >/dev/null
  gantry pause frozen >/dev/null
}

# stands WHEN ROWS: everything that should be so after a boot
partStands() {
  local when=$1 rows=$2 name
  eventually 120 isUp
  same "$when: the engine is systemd's" "$(cgroupOf "$(enginePid)")" /system.slice/gantry.service
  for name in $up; do eventually 120 isRunning "$name" || miss "$when: $name" "$(field "$name" '.State.Status}} {{.State.Error')"; done
  same "$when: all that should be up" "$(gantry ps --format '{{.Names}}' | sort | tr '\n' ' ')" "$(printf '%s\n' $up | sort | tr '\n' ' ')"
  gantry ps -a --format '{{.Names}}: {{.Status}}' | sed 's/^/# /'
  same "$when: all that there is" "$(gantry ps -a --format '{{.Names}}' | sort | tr '\n' ' ')" "$(printf '%s\n' $up $down | sort | tr '\n' ' ')"
  for name in db cache; do eventually 120 isHealthy $name; same "$when: $name is healthy" "$(field $name .State.Health.Status)" healthy; done
  same "$when: rows of PostgreSQL" "$(rows)" "$rows"
  eventually 60 page
  like "$when: page through all services" "$(page)" "^visits $rows hits [1-9][0-9]*\$"
  same "$when: what Redis was told" "$(gantry exec cache redis-cli get kept)" yes
  answers http://10.0.2.15:8080/
  same "$when: port on the host's address" $? 0
  answers http://127.0.0.1:8081/
  same "$when: port of loopback" $? 0
  answers http://10.0.2.15:8081/
  same "$when: not elsewhere" "$([ $? = 0 ]; echo $?)" 1
  answers http://127.0.0.1:8082/hostname
  same "$when: port on the default network" $? 0
  same "$when: fixed address" "$(field fixed .NetworkSettings.Networks.shop.IPAddress)" 10.77.0.50
  for name in db cache fixed still web; do gantry exec app getent hosts $name >/dev/null || miss "$when: name $name" "is not found"; done
  same "$when: alias on the other network" "$(gantry exec shared nslookup database 2>&1 | grep -c '^Name:.*database')" 1
  same "$when: the joined one sees nginx" "$(gantry exec joined wget -qO - http://127.0.0.1/ | cut -d ' ' -f 1)" visits
  same "$when: limits of Redis" "$(cat $cgroup/gantry/"$(field cache .Id)"/{memory.max,cpu.max,pids.max} | tr '\n' ' ')" "67108864 50000 100000 50 "
  same "$when: a job" "$(job) $(rows)" " $((rows + 1))"
  partSingle "$when"
}

partSingle() {
  local when=$1
  # Those with -e are of exec sessions: of health checks.
  same "$when: one conmon a container" "$(pgrep -af '^/usr/bin/conmon ' | grep -vc -- ' -e ')" "$(printf '%s\n' $up | wc -l)"
  same "$when: one of each service" "$(pgrep -fc '^postgres -D') $(pgrep -fc 'redis-server') $(pgrep -fc 'nginx: master') $(pgrep -fc 'app.pl')" "1 1 1 1"
  same "$when: no address twice" "$(gantry network inspect shop --format '{{range .Containers}}{{.IPv4Address}} {{end}}' | tr ' ' '\n' | sort | uniq -d)" ""
  same "$when: as many cgroups as containers" "$(find $cgroup/gantry -mindepth 1 -maxdepth 1 -name '????????????????????????????????*' | wc -l)" \
    "$(printf '%s\n' $up | wc -l)"
  same "$when: as many mounts of containers" "$(grep -c '^overlay /var/lib/gantry' /proc/mounts)" "$(printf '%s\n' $up | wc -l)"
  # It reads every byte of every layer.
  [ "$when" = reboot ] || same "$when: nothing for fsck" "$(gantry engine fsck 2>&1 | grep -ciE 'repair|broken|missing|orphan')" 0
}

part_services() {
  local began=$SECONDS
  gantry engine install | sed 's/^/# /'
  same "the unit is enabled" "$(systemctl is-enabled gantry) $(systemctl is-active gantry)" "enabled active"
  eventually 60 sh -c "gantry images -q | grep -q ."
  same "the engine is systemd's" "$(cgroupOf "$(enginePid)")" /system.slice/gantry.service
  partDeploy
  partPolicies
  gantry exec cache redis-cli set kept yes >/dev/null
  # Its promise: what it was told is on the disk a second later.
  sleep 3
  note "deployed within $((SECONDS - began)) s"
  then_ booted
  date +%s >/opt/vm/goes-down
  systemctl reboot
  sleep infinity
}

part_booted() {
  note "the reboot took $(($(date +%s) - $(cat /opt/vm/goes-down))) s; unit: $(systemctl show gantry -p ActiveState -p NRestarts | tr '\n' ' ')"
  partStands "reboot" 3
  same "reboot: stopped by their signals" "$(gantry logs db 2>&1 | grep -c 'database system was shut down at')" 2
  then_ cut
  echo b >/proc/sysrq-trigger
  sleep infinity
}

part_cut() {
  partStands "power cut" 4
  like "power cut: PostgreSQL recovered by itself" "$(gantry logs db 2>&1)" 'database system was not properly shut down'
  gantry exec cache redis-cli set kept yes >/dev/null
  same "uninstall" "$(gantry engine uninstall >/dev/null; echo $?) $(ls /etc/systemd/system/gantry.service 2>&1 | grep -c 'No such')" "0 1"
  same "containers go on" "$(pgrep -fc 'nginx: master')" 1
  like "and the page answers meanwhile" "$(page)" '^visits 5'
  same "the next command's engine finds them" "$(gantry ps -q | wc -l)" "$(printf '%s\n' $up | wc -l)"
  partPurge
}
