#!/bin/sh
# Runs a command in namespaces of its own (mounts, network, processes, control groups), all of which end with it:
#   unshare … inside.sh COMMAND…
# Its network reaches nothing but itself, at the addresses where EC2's instances find their metadata and the tests their
# stand-ins.
set -eu
ip link set lo up
ip address add 169.254.169.254/32 dev lo
ip address add 198.51.100.1/32 dev lo
mount -t tmpfs tmpfs /run
mount -t cgroup2 cgroup2 /sys/fs/cgroup
exec "$@"
