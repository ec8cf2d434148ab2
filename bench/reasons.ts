/** Why a row of the table is not reached, by the row's name. Printed below the table where it is so. */
export const reasons: Readonly<Record<string, string>> = {
  'first-mixed':
    'both processors are busy but for the start; SHA-256 (of chunks and of packs), zstd, reading and writing are most of it. Tried singly: packs that free their memory when they are written and not when they are synced (in use now), larger nurseries for the threads, V8 without its second compiler (no effect, each)',
  'unchanged-mixed':
    'the password alone takes 0.21 s (scrypt N=2^15, r=8, p=3, timed by itself; less is weaker than OWASP asks for), which is more than the whole time that is wanted. The rest is the next row',
  'keyed-mixed':
    'measured by themselves: Node’s start 0.026 s; 0.034 s of processor time for each of two threads before they run a line of ours; loading the program 0.025 s; the files themselves (statx and comparison) about 0.06 s. In between the lock, the index and the snapshots are read one after the other, since each relies on the one before. Done: one file a thread instead of sixty modules (0.63 to 0.52 s of processor time), comparison in a kernel (0.58 to 0.47 s). Not tried: a start-up snapshot, which threads can not use',
  'first-small':
    'some 50 µs of processor time a file (restic: 95), in listing, opening, reading, asking for attributes, closing, zstd and SHA-256. Tried singly: trees and indexes at level 1 and answers in lots (in use now: 6.2 to 5.3 s of processor time together), larger nurseries for the threads, V8 without its second compiler (no effect, each)',
  'unchanged-small':
    'of the time that is wanted, a third is the password (0.21 s by itself); what is left is the next row. The comparison of the files is no longer the most of it',
  'keyed-small':
    'the index of 100,000 blobs is read on one thread before the others can compare; then statx takes about half of what is left. Done: comparison in a kernel (1.68 to 1.03 s of processor time)',
  'restore-mixed':
    'the processors: 4.0 s of processor time in the program (SHA-256 of 2 GiB, zstd, AES; restic 5.0) and 2.0 in the kernel (restic 3.0), where `cp -a` of the same tree takes 1.3 by itself. Where inodes were freed before the run, ext4 passes over them: then the kernel takes 53 % (perf), and `cp -a` 8.8 s. Not tried: writing past the system’s cache, which would wait for the disk',
  'restore-small':
    'making a file, writing it, and giving it owner, mode, times and attributes is most of it; each file is one pass over its open descriptor already. Done: threads that start while the password is checked',
  'check-mixed':
    'SHA-256 of packs and content is 40 % of the processor time and zstd 16 % (perf), the same work in both programs; the password and reading the index keep one processor only. Done: threads that start while the password is checked. Not tried: reading the index once instead of twice',
  'cores-large':
    'the disk: 5 GiB of packs are to be written, and direct writes of 2 GiB measured 130 to 175 MB/s on the machine that these texts were written on, while both processors together make packs at about that pace. The threads do not wait for syncs any more; the kernel holds them back when too much of its cache is not yet written',
}
