import type { CString } from './c-string.ts'
import { koffi } from './koffi.ts'
import { SystemError } from './system-error.ts'

/** What a C function that takes an address is given here: any bytes, shared memory included. */
type Bytes = Uint8Array
/** An address as a number. Addresses of a process have 47 bits, so a number holds them exactly. */
type Address = number

/** The C definition of a function, seen as the function itself: bindLazily() makes it one. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller says what the definition's text means
function bind<Function>(definition: string, olderDefinition?: string): Function {
  return [definition, olderDefinition] as unknown as Function
}

/**
 * The same object, of which each function is bound when it is first used: a thread uses few of them, and one that uses
 * none does not load koffi.
 */
function bindLazily<Functions extends object>(definitions: Functions): Functions {
  for (const [name, forms] of Object.entries(definitions) as [string, [string, string | undefined]][]) {
    const get = (): unknown => {
      const value = bindNow(...forms)
      Object.defineProperty(definitions, name, { value })
      return value
    }
    Object.defineProperty(definitions, name, { get, configurable: true })
  }
  return definitions
}

function bindNow(definition: string, olderDefinition: string | undefined): unknown {
  const library = koffi().load(null)
  try {
    return library.func(definition)
  } catch (error) {
    if (olderDefinition === undefined) throw error
    return library.func(olderDefinition)
  }
}

/**
 * The C library of this process, as it is: each function answers its C result, -1 for a failure, and keeps no
 * promise but C's. Everything in here blocks. Linux on x64 and arm64; sizes and offsets have 64 bits there. A
 * thread gets its own bindings, and errno is the thread's own.
 *
 * openat() has a variable argument in C; on these two machines it is passed like a plain one.
 */
export const libc = bindLazily({
  openat: bind<(dirFd: number, path: CString, flags: number, mode: number) => number>(
    'int openat(int, const void *, int, uint32_t)',
  ),
  /** For openat2(), which the C library has no function for; variable arguments are passed like plain ones. */
  syscall4: bind<(call: number, a: number, b: Bytes, c: Bytes, d: number) => number>(
    'long syscall(long, long, const void *, const void *, size_t)',
  ),
  close: bind<(fd: number) => number>('int close(int)'),
  statx: bind<(dirFd: number, path: Address, flags: number, mask: number, into: Address) => number>(
    'int statx(int, uintptr_t, int, uint32_t, uintptr_t)',
  ),
  /** statx() for a name that JavaScript holds; the other one is for names that lie in a list of many. */
  statxNamed: bind<(dirFd: number, path: CString, flags: number, mask: number, into: Address) => number>(
    'int statx(int, const void *, int, uint32_t, uintptr_t)',
  ),
  /** musl calls it by its older name. */
  getdents64: bind<(fd: number, buffer: Bytes, bytes: number) => number>(
    'long getdents64(int, void *, size_t)',
    'long getdents(int, void *, size_t)',
  ),
  read: bind<(fd: number, into: Bytes, bytes: number) => number>('long read(int, void *, size_t)'),
  pread: bind<(fd: number, into: Bytes, bytes: number, offset: number) => number>(
    'long pread(int, void *, size_t, int64_t)',
  ),
  pwrite: bind<(fd: number, from: Bytes, bytes: number, offset: number) => number>(
    'long pwrite(int, const void *, size_t, int64_t)',
  ),
  lseek: bind<(fd: number, offset: number, whence: number) => number>('int64_t lseek(int, int64_t, int)'),
  ftruncate: bind<(fd: number, bytes: number) => number>('int ftruncate(int, int64_t)'),
  fallocate: bind<(fd: number, mode: number, offset: number, bytes: number) => number>(
    'int fallocate(int, int, int64_t, int64_t)',
  ),
  // Answers the error itself and leaves errno alone.
  posixFadvise: bind<(fd: number, offset: number, bytes: number, advice: number) => number>(
    'int posix_fadvise(int, int64_t, int64_t, int)',
  ),
  fsync: bind<(fd: number) => number>('int fsync(int)'),
  readlinkat: bind<(dirFd: number, path: CString, into: Bytes, bytes: number) => number>(
    'long readlinkat(int, const void *, void *, size_t)',
  ),
  symlinkat: bind<(target: CString, dirFd: number, path: CString) => number>(
    'int symlinkat(const void *, int, const void *)',
  ),
  linkat: bind<(fromFd: number, from: CString, toFd: number, to: CString, flags: number) => number>(
    'int linkat(int, const void *, int, const void *, int)',
  ),
  mkdirat: bind<(dirFd: number, path: CString, mode: number) => number>('int mkdirat(int, const void *, uint32_t)'),
  mknodat: bind<(dirFd: number, path: CString, mode: number, device: number | bigint) => number>(
    'int mknodat(int, const void *, uint32_t, uint64_t)',
  ),
  renameat: bind<(fromFd: number, from: CString, toFd: number, to: CString) => number>(
    'int renameat(int, const void *, int, const void *)',
  ),
  unlinkat: bind<(dirFd: number, path: CString, flags: number) => number>('int unlinkat(int, const void *, int)'),
  fchmod: bind<(fd: number, mode: number) => number>('int fchmod(int, uint32_t)'),
  fchmodat: bind<(dirFd: number, path: CString, mode: number, flags: number) => number>(
    'int fchmodat(int, const void *, uint32_t, int)',
  ),
  fchownat: bind<(dirFd: number, path: CString, uid: number, gid: number, flags: number) => number>(
    'int fchownat(int, const void *, uint32_t, uint32_t, int)',
  ),
  utimensat: bind<(dirFd: number, path: CString, times: Bytes, flags: number) => number>(
    'int utimensat(int, const void *, const void *, int)',
  ),
  futimens: bind<(fd: number, times: Bytes) => number>('int futimens(int, const void *)'),
  flistxattr: bind<(fd: number, into: Bytes, bytes: number) => number>('long flistxattr(int, void *, size_t)'),
  fgetxattr: bind<(fd: number, name: CString, into: Bytes, bytes: number) => number>(
    'long fgetxattr(int, const void *, void *, size_t)',
  ),
  fsetxattr: bind<(fd: number, name: CString, value: Bytes, bytes: number, flags: number) => number>(
    'int fsetxattr(int, const void *, const void *, size_t, int)',
  ),
  fremovexattr: bind<(fd: number, name: CString) => number>('int fremovexattr(int, const void *)'),
  llistxattr: bind<(path: CString, into: Bytes, bytes: number) => number>(
    'long llistxattr(const void *, void *, size_t)',
  ),
  lgetxattr: bind<(path: CString, name: CString, into: Bytes, bytes: number) => number>(
    'long lgetxattr(const void *, const void *, void *, size_t)',
  ),
  lsetxattr: bind<(path: CString, name: CString, value: Bytes, bytes: number, flags: number) => number>(
    'int lsetxattr(const void *, const void *, const void *, size_t, int)',
  ),
  lremovexattr: bind<(path: CString, name: CString) => number>('int lremovexattr(const void *, const void *)'),
  flock: bind<(fd: number, operation: number) => number>('int flock(int, int)'),
  geteuid: bind<() => number>('uint32_t geteuid()'),
  getpwuidR: bind<(uid: number, entry: Bytes, text: Bytes, bytes: number, found: Bytes) => number>(
    'int getpwuid_r(uint32_t, void *, void *, size_t, void *)',
  ),
  getpwnamR: bind<(name: CString, entry: Bytes, text: Bytes, bytes: number, found: Bytes) => number>(
    'int getpwnam_r(const void *, void *, void *, size_t, void *)',
  ),
  getgrgidR: bind<(gid: number, entry: Bytes, text: Bytes, bytes: number, found: Bytes) => number>(
    'int getgrgid_r(uint32_t, void *, void *, size_t, void *)',
  ),
} as const)

/**
 * Where these bytes lie. True only as long as the caller holds the bytes themselves, and uses them after the last
 * use of the address: what is not used any more, the engine may give away even before its name goes out of scope.
 */
export function addressOf(bytes: Uint8Array): Address {
  return Number(koffi().address(bytes))
}

const lasting: Uint8Array[] = []

/** Where these few bytes lie for as long as the thread lives: they are held here. */
export function lastingAddressOf(bytes: Uint8Array): Address {
  lasting.push(bytes)
  return addressOf(bytes)
}

/** The error that the last call of this thread left. */
export function lastError(systemCall: string): SystemError {
  return new SystemError(systemCall, koffi().errno())
}

/** Passes on the result of a call that answers -1 for a failure; throws SystemError then. */
export function checked(systemCall: string, result: number): number {
  if (result === -1) throw lastError(systemCall)
  return result
}
