#!/bin/sh
# Makes a Debian with the packages of ./packages into a machine of facerec. Runs as root inside that Debian, in a chroot or
# on a running instance:   provision.sh worker|web
# Beside it lie files/ (copied to /), systemd/ (units) and bin/ (executables). Needs no network.
set -eu
umask 022
role=$1
here=$(dirname "$(readlink -f "$0")")

case $role in
  worker) programs=worker ;;
  web) programs='web controller' ;;
  *) echo "provision.sh: expected worker or web, not $role" >&2; exit 64 ;;
esac

copy() { install -D -o root -g root -m "$1" "$2" "$3"; }

for program in $programs; do
  copy 755 "$here/bin/facerec-$program" "/opt/facerec/facerec-$program"
  copy 644 "$here/systemd/facerec-$program.service" "/etc/systemd/system/facerec-$program.service"
  systemctl --quiet enable "facerec-$program.service"
done
copy 644 "$here/systemd/facerec-.service.d/common.conf" /etc/systemd/system/facerec-.service.d/common.conf
(cd "$here/files" && find . -type f) | while read -r file; do copy 644 "$here/files/$file" "/$file"; done

if [ "$role" = worker ]; then
  # The executable takes its native add-ons out once, here instead of at each machine's first start.
  mkdir -p /opt/facerec/addons
  cd /opt/facerec
  env -i CACHE_DIRECTORY=/opt/facerec/addons ORT_DISABLE_TELEMETRY=1 \
    ./facerec-worker recognise "$here/portrait.jpg" >"$here/recognised" || { cat "$here/recognised"; exit 1; }
  chmod -R u=rwX,go=rX addons
else
  # A journal on the disk: this machine stays. A worker's goes with it, and its last words are on the console.
  mkdir -p /var/log/journal
fi

systemctl --quiet enable systemd-networkd.service systemd-resolved.service systemd-timesyncd.service
# Nobody logs in, and nothing updates itself: a new image takes the place of an old one.
systemctl --quiet mask getty@tty1.service serial-getty@ttyS0.service console-getty.service systemd-firstboot.service \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer motd-news.timer
ln -sfn ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf 2>/dev/null || true

# Nothing is left to be brought up to date at the first boot.
touch -r /usr /etc/.updated /var/.updated

# Each instance gets an identity of its own at its first boot.
: >/etc/machine-id
rm -f /etc/hostname /var/lib/dbus/machine-id /var/lib/systemd/random-seed /var/lib/systemd/credential.secret
rm -rf /var/lib/cloud/* /var/log/cloud-init*.log
