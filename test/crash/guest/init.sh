#!/bin/busybox sh
# The guest's first program: modules, the two disks, and then Node.js in the place of this shell.
/bin/busybox mount -t devtmpfs none /dev
/bin/busybox mount -t proc none /proc
/bin/busybox mount -t sysfs none /sys
for module in $(/bin/busybox cat /modules/list); do /bin/busybox insmod "/modules/$module"; done
disk() {
  while :; do
    for block in /sys/block/vd*; do
      [ "$(/bin/busybox cat "$block/serial" 2>/dev/null)" = "$1" ] && echo "/dev/${block##*/}" && return
    done
    /bin/busybox sleep 0.05
  done
}
/bin/busybox mount -t ext4 -o ro,noload "$(disk root)" /root
/bin/busybox mount -t ext4 -o data=ordered "$(disk data)" /root/data
/bin/busybox mount -t devtmpfs none /root/dev
/bin/busybox mount -t proc none /root/proc
/bin/busybox mount -t sysfs none /root/sys
/bin/busybox mount -t tmpfs none /root/tmp
/bin/busybox ip link set lo up
exec /bin/busybox chroot /root /bin/node --disable-warning=ExperimentalWarning /app/writer.mjs >/dev/console 2>&1
