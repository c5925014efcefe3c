# shellcheck shell=bash
# Firewalls of others: after `nft flush ruleset`, and after firewalld and ufw were started, reloaded and stopped, a published port answers again
# on the host, on its address and from another machine (a network namespace with the host as router), a container reaches the outside, and a
# closed port stays closed. A purge leaves nothing in theirs.

far() { ip netns exec far "$@"; }

makeFar() {
  ip netns add far
  ip link add far0 type veth peer name eth0 netns far
  ip address add 192.168.77.1/24 dev far0
  ip link set far0 up
  ip -n far address add 192.168.77.2/24 dev eth0
  ip -n far link set eth0 up
  ip -n far link set lo up
  ip -n far route add default via 192.168.77.1
  ip netns exec far busybox httpd -p 192.168.77.2:80 -h /etc
}
removeFar() {
  pkill -f 'busybox httpd -p 192.168.77.2'
  ip netns delete far
}

# What has to work, whatever is done to the rules.
reachesAll() {
  answers http://127.0.0.1:8085/ && answers http://192.168.77.1:8085/ && far curl -sf -m 3 -o /dev/null http://192.168.77.1:8085/ &&
    gantry exec web timeout 5 wget -q -O /dev/null http://192.168.77.2/hostname && gantry exec web timeout 5 wget -q -O /dev/null http://other/
}
whatIsReached() {
  local url
  for url in http://127.0.0.1:8085/ http://192.168.77.1:8085/; do answers $url && printf 'host:%s ' $url; done
  far curl -sf -m 3 -o /dev/null http://192.168.77.1:8085/ && printf 'far '
  gantry exec web timeout 5 wget -q -O /dev/null http://192.168.77.2/hostname && printf 'outside '
  gantry exec web timeout 5 wget -q -O /dev/null http://other/ && printf 'neighbour '
}
# comesBack NAME
comesBack() {
  local began=$SECONDS
  if eventually 40 reachesAll; then pass "$1 (after $((SECONDS - began)) s)"; else miss "$1" "only: $(whatIsReached 2>/dev/null)"; fi
  far curl -s -m 2 -o /dev/null http://192.168.77.1:8086/
  same "$1: a port of loopback stays closed" "$([ $? = 0 ]; echo $?)" 1
}

part_firewall() {
  startEngine
  makeFar
  gantry network create walls >/dev/null
  gantry run -d --name web --network walls -p 8085:80 -p 127.0.0.1:8086:80 $image sh -c 'echo page >/index.html; httpd -f -p 80 -h /' >/dev/null
  gantry run -d --name other --network walls $image sh -c 'echo page >/index.html; httpd -f -p 80 -h /' >/dev/null
  comesBack "without others"
  nft flush ruleset
  comesBack "nft flush ruleset"
  nft delete table inet gantry
  gantry network reload >/dev/null
  reachesAll
  same "network reload at once" $? 0

  systemctl start firewalld
  same "firewalld runs" "$(firewall-cmd --state 2>&1)" running
  comesBack "firewalld starts"
  firewall-cmd --reload >/dev/null
  comesBack "firewalld reloads"
  systemctl restart firewalld
  comesBack "firewalld restarts"
  gantry run -d --name later -p 8084:80 $image httpd -f -p 80 -h /etc >/dev/null
  eventually 20 far curl -sf -m 3 -o /dev/null http://192.168.77.1:8084/hostname
  same "a container that comes later" $? 0
  gantry rm -f later >/dev/null
  systemctl stop firewalld
  comesBack "firewalld stops"

  ufw allow ssh >/dev/null
  ufw --force enable | sed 's/^/# /'
  comesBack "ufw starts"
  like "ufw drops what is forwarded" "$(iptables -S FORWARD)" '-P FORWARD DROP'
  ufw reload | sed 's/^/# /'
  comesBack "ufw reloads"
  nft flush ruleset
  comesBack "nft flush ruleset under ufw"
  ufw disable | sed 's/^/# /'
  comesBack "ufw stops"
  ufw --force enable >/dev/null
  systemctl start firewalld
  sleep 15
  removeFar
  partPurge
  same "nothing is left in ufw's rules" "$(iptables -S | grep -i gantry)" ""
  same "nor in firewalld's zones" "$(firewall-cmd --zone=trusted --list-interfaces)" ""
  systemctl stop firewalld
  ufw disable >/dev/null
  nft flush ruleset
}
