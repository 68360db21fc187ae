/** Error numbers of system calls, positive as in <asm-generic/errno-base.h>: a routine returns `-ENOMEM`. */
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const EINVAL = 22;
export const EHWPOISON = 133;
