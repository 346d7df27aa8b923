/**
 * Linux error numbers (generic table) that BPF programs, maps and loads can meet. Positive, as `errno` is.
 * ENOTSUPP is kernel-internal but reaches user space from bpf().
 */
export const ERRNO = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  ENXIO: 6,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  ENOTDIR: 20,
  EINVAL: 22,
  EFBIG: 27,
  ENOSPC: 28,
  EROFS: 30,
  EDOM: 33,
  ERANGE: 34,
  EDEADLK: 35,
  ENAMETOOLONG: 36,
  ENOSYS: 38,
  ELOOP: 40,
  ENODATA: 61,
  ENONET: 64,
  EPROTO: 71,
  EBADMSG: 74,
  EOVERFLOW: 75,
  ENOTSOCK: 88,
  EMSGSIZE: 90,
  EPROTONOSUPPORT: 93,
  EOPNOTSUPP: 95,
  EAFNOSUPPORT: 97,
  ENETUNREACH: 101,
  ENOBUFS: 105,
  ETIMEDOUT: 110,
  EINPROGRESS: 115,
  ECANCELED: 125,
  EALREADY: 114,
  ENOTSUPP: 524,
} as const;

export type ErrnoName = keyof typeof ERRNO;

const names = new Map<number, ErrnoName>(
  Object.entries(ERRNO).map(([name, value]) => [value, name as ErrnoName]),
);

/** `EINVAL` for 22 (sign ignored); undefined for numbers that are not in the table. */
export const errnoName = (error: number): ErrnoName | undefined => names.get(Math.abs(error));
