/* SPDX-License-Identifier: MIT */
/* fs_calls.h - the system calls on files, folders and descriptors. Arguments and errors are those of the man pages. */
#ifndef CAY_KERNEL_LINUX_FS_CALLS_H
#define CAY_KERNEL_LINUX_FS_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* fs_open.c */
long sys_open(const char *path, int flags, uint32_t mode);
long sys_openat(int dirfd, const char *path, int flags, uint32_t mode);
long sys_openat2(int dirfd, const char *path, const void *how, size_t size);
long sys_creat(const char *path, uint32_t mode);
long sys_close(int fd);
long sys_close_range(unsigned first, unsigned last, unsigned flags);
long sys_name_to_handle_at(int dirfd, const char *path, void *handle, int *mount_id, int flags);
long sys_open_by_handle_at(int mount_fd, void *handle, int flags);

/* Reads and checks what openat2(2) is given. */
struct open_how;
int open_how_from_user(const void *user_how, size_t size, struct open_how *out);

/* fs_rw.c */
long sys_read(int fd, void *buf, size_t bytes);
long sys_write(int fd, const void *buf, size_t bytes);
long sys_pread64(int fd, void *buf, size_t bytes, int64_t pos);
long sys_pwrite64(int fd, const void *buf, size_t bytes, int64_t pos);
long sys_readv(int fd, const void *iov, unsigned long nr);
long sys_writev(int fd, const void *iov, unsigned long nr);
long sys_preadv(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi);
long sys_pwritev(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi);
long sys_preadv2(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi, int flags);
long sys_pwritev2(int fd, const void *iov, unsigned long nr, unsigned long pos_lo, unsigned long pos_hi, int flags);
long sys_lseek(int fd, int64_t off, int whence);

/* fs_copy.c */
long sys_sendfile(int out_fd, int in_fd, int64_t *offset, size_t bytes);
long sys_copy_file_range(int in_fd, int64_t *in_off, int out_fd, int64_t *out_off, size_t bytes, unsigned flags);
/* splice(2) with positions by value, -1: the file's own. */
long splice_at(int in_fd, int64_t in_off, int out_fd, int64_t out_off, size_t bytes, unsigned flags);
long sys_splice(int in_fd, int64_t *in_off, int out_fd, int64_t *out_off, size_t bytes, unsigned flags);

/* fs_fd.c */
long sys_dup(int fd);
long sys_dup2(int fd, int to);
long sys_dup3(int fd, int to, int flags);
long sys_fcntl(int fd, unsigned cmd, unsigned long arg);
long sys_flock(int fd, int op);
long sys_ioctl(int fd, unsigned cmd, unsigned long arg);

/* fs_stat.c */
long sys_stat(const char *path, void *st);
long sys_lstat(const char *path, void *st);
long sys_fstat(int fd, void *st);
long sys_newfstatat(int dirfd, const char *path, void *st, int flags);
long sys_statx(int dirfd, const char *path, unsigned flags, unsigned mask, void *stx);
long sys_statfs(const char *path, void *st);
long sys_fstatfs(int fd, void *st);
long sys_access(const char *path, int mode);
long sys_faccessat(int dirfd, const char *path, int mode);
long sys_faccessat2(int dirfd, const char *path, int mode, int flags);

/* fs_dir.c */
long sys_getdents(int fd, void *buf, unsigned bytes);
long sys_getdents64(int fd, void *buf, unsigned bytes);
long sys_getcwd(char *buf, unsigned long size);
long sys_chdir(const char *path);
long sys_fchdir(int fd);
long sys_chroot(const char *path);
long sys_umask(uint32_t mask);

/* fs_names.c */
long sys_mkdir(const char *path, uint32_t mode);
long sys_mkdirat(int dirfd, const char *path, uint32_t mode);
long sys_rmdir(const char *path);
long sys_unlink(const char *path);
long sys_unlinkat(int dirfd, const char *path, int flags);
long sys_link(const char *old_path, const char *new_path);
long sys_linkat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, int flags);
long sys_symlink(const char *target, const char *path);
long sys_symlinkat(const char *target, int dirfd, const char *path);
long sys_readlink(const char *path, char *buf, int size);
long sys_readlinkat(int dirfd, const char *path, char *buf, int size);
long sys_rename(const char *old_path, const char *new_path);
long sys_renameat(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path);
long sys_renameat2(int old_dirfd, const char *old_path, int new_dirfd, const char *new_path, unsigned flags);
long sys_mknod(const char *path, uint32_t mode, unsigned dev);
long sys_mknodat(int dirfd, const char *path, uint32_t mode, unsigned dev);

/* fs_attr.c */
long sys_chmod(const char *path, uint32_t mode);
long sys_fchmod(int fd, uint32_t mode);
long sys_fchmodat(int dirfd, const char *path, uint32_t mode);
long sys_chown(const char *path, uint32_t uid, uint32_t gid);
long sys_lchown(const char *path, uint32_t uid, uint32_t gid);
long sys_fchown(int fd, uint32_t uid, uint32_t gid);
long sys_fchownat(int dirfd, const char *path, uint32_t uid, uint32_t gid, int flags);
long sys_utime(const char *path, const void *times);
long sys_utimes(const char *path, const void *times);
long sys_futimesat(int dirfd, const char *path, const void *times);
long sys_utimensat(int dirfd, const char *path, const void *times, int flags);
long sys_truncate(const char *path, int64_t length);
long sys_ftruncate(int fd, int64_t length);
struct file;
long file_fallocate(struct file *f, int mode, int64_t off, int64_t len);
long sys_fallocate(int fd, int mode, int64_t off, int64_t len);

/* fs_sync.c */
long sys_fsync(int fd);
long sys_fdatasync(int fd);
long sys_sync(void);
long sys_syncfs(int fd);
long sys_sync_file_range(int fd, int64_t off, int64_t bytes, unsigned flags);
long sys_fadvise64(int fd, int64_t off, int64_t bytes, int advice);
long sys_readahead(int fd, int64_t off, size_t bytes);

/* fs_xattr.c */
long sys_getxattr(const char *path, const char *name, void *buf, size_t size);
long sys_lgetxattr(const char *path, const char *name, void *buf, size_t size);
long sys_fgetxattr(int fd, const char *name, void *buf, size_t size);
long sys_setxattr(const char *path, const char *name, const void *buf, size_t size, int flags);
long sys_lsetxattr(const char *path, const char *name, const void *buf, size_t size, int flags);
long sys_fsetxattr(int fd, const char *name, const void *buf, size_t size, int flags);
long sys_listxattr(const char *path, char *buf, size_t size);
long sys_llistxattr(const char *path, char *buf, size_t size);
long sys_flistxattr(int fd, char *buf, size_t size);
long sys_removexattr(const char *path, const char *name);
long sys_lremovexattr(const char *path, const char *name);
long sys_fremovexattr(int fd, const char *name);

/* fs_mount.c */
long sys_mount(const char *source, const char *target, const char *type, unsigned long flags, const void *data);
long sys_umount2(const char *target, int flags);

#endif
