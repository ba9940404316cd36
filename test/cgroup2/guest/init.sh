#!/bin/busybox sh
# From the initramfs: modules, then the disk becomes the root, because runc cannot pivot away from an initramfs.
b=/bin/busybox
$b mount -t devtmpfs none /dev
$b mount -t proc none /proc
$b mount -t sysfs none /sys
for module in $($b cat /modules/list); do $b insmod "/modules/$module"; done
while ! [ -b /dev/vda ]; do $b sleep 0.05; done
$b mount -t erofs -o ro /dev/vda /root
$b mount --move /dev /root/dev
$b mount --move /proc /root/proc
$b mount --move /sys /root/sys
exec $b switch_root /root /app/start.sh
