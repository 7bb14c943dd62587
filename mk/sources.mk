# Sources that tests need together: `@net` in a `// SOURCES:` line of a unit test or a fuzz target is SOURCES_net here.
# $(1) = words of such a line -> paths from the top of the tree.
source_paths = $(patsubst shim/%,tests/unit/shim/%,$(foreach w,$(1),$(if $(filter @%,$(w)),$(SOURCES_$(w:@%=%)),$(w))))

# Devices, IP, UDP, raw and packet sockets, with stand-ins for threads and files.
SOURCES_net = kernel/fs/uio.c kernel/net/arp.c kernel/net/channel.c kernel/net/channel_table.c kernel/net/ether.c kernel/net/filter.c \
	kernel/net/icmp.c kernel/net/icmp4.c kernel/net/icmp6.c kernel/net/inet.c kernel/net/inet_control.c kernel/net/inet_errqueue.c \
	kernel/net/inet_ioctl.c kernel/net/inet_msfilter.c kernel/net/inet_multicast.c kernel/net/inet_options.c kernel/net/ip_input.c kernel/net/ip_output.c \
	kernel/net/ipv4_input.c kernel/net/ipv6_input.c kernel/net/loopback.c kernel/net/ndp.c kernel/net/neigh.c kernel/net/net.c \
	kernel/net/netif.c kernel/net/netif_addr.c kernel/net/packet.c kernel/net/packet_blocks.c kernel/net/packet_options.c \
	kernel/net/packet_ring.c kernel/net/pbuf.c kernel/net/pmtu.c kernel/net/port.c kernel/net/raw.c kernel/net/reassembly.c \
	kernel/net/route.c kernel/net/slaac.c kernel/net/socket.c kernel/net/udp.c kernel/net/udp_recv.c kernel/net/udp_send.c \
	kernel/net/udplite.c kernel/time/timer.c kernel/time/timespec.c lib/cbpf.c lib/fmt.c lib/inet_checksum.c lib/pheap.c lib/siphash.c \
	shim/clock.c shim/events.c shim/file.c shim/klock.c shim/kmalloc.c shim/log.c shim/net.c shim/page.c shim/sched.c shim/uaccess.c

# TCP, without IP below it.
SOURCES_tcp = kernel/fs/uio.c kernel/net/pbuf.c kernel/net/tcp_ack.c kernel/net/tcp_conn.c kernel/net/tcp_cubic.c \
	kernel/net/tcp_inflight.c kernel/net/tcp_input.c kernel/net/tcp_listen.c kernel/net/tcp_output.c kernel/net/tcp_pmtu.c \
	kernel/net/tcp_rack.c kernel/net/tcp_rcvq.c kernel/net/tcp_recovery.c kernel/net/tcp_reno.c kernel/net/tcp_rtt.c kernel/net/tcp_secret.c \
	kernel/net/tcp_sndq.c kernel/net/tcp_timer.c kernel/net/tcp_window.c kernel/net/tcp_wire.c lib/inet_checksum.c lib/siphash.c \
	shim/kmalloc.c shim/log.c shim/page.c shim/uaccess.c

# Files, folders and names, with the file system in RAM.
SOURCES_files = kernel/fs/attr.c kernel/fs/dcache.c kernel/fs/dirops.c kernel/fs/fdtable.c kernel/fs/file.c kernel/fs/fs_context.c \
	kernel/fs/groups.c kernel/fs/inode.c kernel/fs/locks.c kernel/fs/missing.c kernel/fs/mount.c kernel/fs/nametable.c kernel/fs/open.c \
	kernel/fs/pagetree.c kernel/fs/path_text.c kernel/fs/permission.c kernel/fs/ramfs.c kernel/fs/ramfs_file.c kernel/fs/rw.c kernel/fs/uio.c \
	kernel/fs/walk.c kernel/fs/walk_quick.c kernel/fs/xattrs.c shim/async.c shim/clock.c shim/klock.c shim/kmalloc.c shim/log.c shim/notify.c shim/page.c \
	shim/sched.c shim/uaccess.c

# Address spaces, with real page tables.
SOURCES_memory = kernel/arch/x86_64/callsite_table.c kernel/arch/x86_64/paging.c kernel/mm/advise.c kernel/mm/alias.c kernel/mm/area.c \
	kernel/mm/brk.c kernel/mm/fault.c kernel/mm/fault_quick.c kernel/mm/fill.c kernel/mm/kept_tables.c kernel/mm/mmap.c kernel/mm/mremap.c \
	kernel/mm/page.c kernel/mm/page_local.c kernel/mm/ptes.c kernel/mm/shared_tables.c kernel/mm/vmspace.c kernel/mm/vmspace_lock.c lib/avl.c \
	shim/file.c shim/log.c shim/ram.c
