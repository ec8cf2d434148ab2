/** Why a row of the table is not reached, by the row's name. Printed below the table where it is so. */
export const reasons: Readonly<Record<string, string>> = {
  'first-mixed':
    'both processors are 90 % busy; SHA-256 (of chunks and of packs), zstd, reading and writing take most of it, starting Node and its threads and checking the password half a second. zstd at plain level 1 would take off some 0.15 s and cost 5 % of room in what compresses (measured apart). Not tried yet: giving a pack’s memory back when it is written and not only when it is synced, so that threads never wait for the disk',
  'unchanged-mixed':
    'scrypt, which checks the password, takes a fifth of a second or more of both programs’ time; starting Node, two threads and their modules a quarter; the comparison of 12,000 files itself about a tenth. Done: the threads start while the password is checked. Not tried yet: listing files meanwhile too, one bundled module for the threads',
  'keyed-mixed':
    'what is left without a password is a quarter of a second for starting, and the lock, the index and the snapshot, each of which is synced',
  'first-small':
    'some 50 µs of processor time a file (restic: 95), most of it in listing, opening, reading, asking for attributes, closing, and zstd. Done: one zstd context and one cipher for all blobs, one stat less a file, blobs told to the main thread in few values',
  'unchanged-small':
    'half a second goes to the password and to starting; the rest, some 7 µs of time a file with both processors, to statx, the comparison with the parent’s tree, and collecting garbage',
  'keyed-small': 'as above, less the password',
  'restore-mixed':
    'writing 2 GiB into the system’s cache and making files on ext4 is most of it and the same for both programs. The first rounds of both were slowed down by inodes freed before the run (ours 7.0 to 3.4 s, restic 7.9 to 5.3 s from the first round to the last); the last two rounds give 1.5',
  'restore-small':
    'making a file, writing it, and giving it owner, mode, times and attributes is most of it; each file is one pass over its open descriptor already',
  'check-mixed':
    'SHA-256 of the packs, SHA-256 of the content and zstd are the same work in both programs and most of it; half a second is the start and the password',
  'cores-large':
    'the threads wait for packs to be synced: two packs for each thread are all that the allowed memory holds. See the first row for what was not tried yet',
}
