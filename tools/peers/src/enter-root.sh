#!/bin/sh
# Runs a program inside the Debian root: enter-root.sh PEERS_DIRECTORY PROGRAM [ARGUMENT…]
# In a mount namespace of its own, where the root is a mount point (tools that unpack layers pivot on it) and where
# /tmp, /dev and the peers directory are this machine's. The process stays the same: signals reach the program.
set -eu
if [ "${TRANSLOAD_ROOT_ENTERED-}" != "$$" ]; then
  export TRANSLOAD_ROOT_ENTERED="$$"
  exec unshare --mount --propagation private /bin/sh "$0" "$@"
fi
unset TRANSLOAD_ROOT_ENTERED
peers="$1"
root="$1/sid"
shift
mount --bind "$root" "$root"
mount --rbind /proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /tmp "$root/tmp"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mkdir -p "$root$peers"
mount --bind "$peers" "$root$peers"
for file in hosts resolv.conf; do
  if [ -e "/etc/$file" ]; then cat "/etc/$file" >"$root/etc/$file"; fi
done
# the root's own programs: with the wrappers in PATH a tool would enter for ever
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec chroot "$root" /bin/sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$PWD" "$@"
