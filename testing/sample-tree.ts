import { execFileSync } from 'node:child_process'
import { closeSync, ftruncateSync, linkSync, mkdirSync, openSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import { accessAcl, setAttribute } from './extended-attributes.ts'
import type { SeededRandom } from './seeded-random.ts'

/** What of a tree this machine and user allow; the rest is left out, and the caller says so. */
export interface SampleTree {
  /** Kinds of things that could not be made here, with the reason. */
  readonly leftOut: readonly string[]
}

/**
 * Makes a small tree with one of everything that is hard to bring back: odd names, bytes that are no UTF-8, links of
 * both kinds, a dangling one, a sparse file, empty things, set-id bits, attributes, an ACL, a fifo, devices, times
 * with nanoseconds and before 1970, a file of several chunks. `folder` must not exist yet.
 */
export function makeSampleTree(folder: string, random: SeededRandom): SampleTree {
  const leftOut: string[] = []
  const attempt = (what: string, make: () => void): void => {
    try {
      make()
    } catch (error) {
      leftOut.push(`${what}: ${error instanceof Error ? error.message.split('\n')[0] : 'refused'}`)
    }
  }
  const at = (path: string): string => `${folder}/${path}`
  mkdirSync(at('plain/deep/er/still'), { recursive: true })
  mkdirSync(at('empty-directory'))
  writeFileSync(at('plain/empty'), '')
  writeFileSync(at('plain/text'), 'The quick brown fox\n'.repeat(500))
  writeFileSync(at('plain/deep/er/still/one-byte'), 'x')
  writeFileSync(at('plain/several-chunks'), random.bytes(5 * 1024 * 1024 + 123))
  writeFileSync(at('plain/same-again'), 'The quick brown fox\n'.repeat(500))

  makeNames(folder)
  symlinkSync('../plain/text', at('link-to-file'))
  symlinkSync('/nowhere/at/all', at('dangling'))
  symlinkSync('.', at('link-to-itself'))
  symlinkSync(Buffer.from([0x66, 0xff, 0x80, 0x6f]), at('link-with-odd-target'))
  linkSync(at('plain/text'), at('hard-link-1'))
  linkSync(at('plain/text'), at('plain/deep/hard-link-2'))

  makeSparseFile(at('sparse'), random)
  writeFileSync(at('set-ids'), '#!/bin/sh\n', { mode: 0o700 })
  execFileSync('chmod', ['6755', at('set-ids')])
  execFileSync('chmod', ['1777', at('empty-directory')])
  if (process.getuid?.() === 0) writeFileSync(at('nobody-may'), 'secret', { mode: 0o000 })
  else leftOut.push('a file that its owner may not read: only root could back it up')
  execFileSync('mkfifo', ['-m', '640', at('fifo')])
  attempt('devices', () => {
    execFileSync('mknod', [at('null-device'), 'c', '1', '3'], { stdio: 'pipe' })
    execFileSync('mknod', [at('block-device'), 'b', '7', '200'], { stdio: 'pipe' })
  })
  attempt('owners', () => {
    writeFileSync(at('of-somebody-else'), 'theirs')
    execFileSync('chown', ['12345:54321', at('of-somebody-else')], { stdio: 'pipe' })
    execFileSync('chown', ['-h', '12345:54321', at('dangling')], { stdio: 'pipe' })
  })
  attempt('attributes', () => {
    setAttribute(Buffer.from(at('plain/text')), 'user.note', Buffer.from('a note'))
    setAttribute(Buffer.from(at('plain/text')), 'user.bytes', random.bytes(300))
    setAttribute(Buffer.from(at('plain/text')), 'user.empty', Buffer.alloc(0))
    setAttribute(Buffer.from(at('plain')), 'user.of-directory', Buffer.from('yes'))
  })
  attempt('ACLs', () => {
    setAttribute(Buffer.from(at('plain/same-again')), 'system.posix_acl_access', accessAcl(12345))
    setAttribute(Buffer.from(at('plain/deep')), 'system.posix_acl_default', accessAcl(12345))
  })
  setTimes(folder, leftOut)
  return { leftOut }
}

function makeNames(folder: string): void {
  mkdirSync(`${folder}/names`)
  const names = [
    'ordinary',
    ' leading space',
    'new\nline',
    'tab\tand"quote\'s',
    'back\\slash',
    '-dash',
    '*?[glob]',
    '<&>',
    'ünï cödé',
    '日本語',
    'e\u0301',
    '\u2028',
    '😀',
    'x'.repeat(255),
  ]
  for (const name of names) writeFileSync(`${folder}/names/${name}`, name)
  const odd = [[0xff], [0x61, 0x80, 0x62], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98], [0x01, 0x7f]]
  for (const bytes of odd) {
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/names/`), Buffer.from(bytes)]), 'odd')
  }
  mkdirSync(Buffer.concat([Buffer.from(`${folder}/names/`), Buffer.from([0x64, 0xfe])]))
}

/** 32 MiB of which three pieces are written. */
function makeSparseFile(path: string, random: SeededRandom): void {
  const fd = openSync(path, 'w')
  writeSync(fd, random.bytes(5000), 0, 5000, 0)
  writeSync(fd, random.bytes(70_000), 0, 70_000, 9 * 1024 * 1024 + 17)
  writeSync(fd, Buffer.from('end'), 0, 3, 24 * 1024 * 1024)
  ftruncateSync(fd, 32 * 1024 * 1024)
  closeSync(fd)
}

function setTimes(folder: string, leftOut: string[]): void {
  const times: [path: string, time: string][] = [
    ['plain/text', '2021-03-04T05:06:07.123456789Z'],
    ['plain/empty', '1999-12-31T23:59:59.000000001Z'],
    ['plain/several-chunks', '1965-01-02T03:04:05.5Z'],
    ['link-to-file', '2015-05-05T05:05:05.987654321Z'],
    ['fifo', '2038-01-19T03:14:08.100000000Z'],
    ['sparse', '2100-01-01T00:00:00.000000900Z'],
    ['plain/deep', '2001-01-01T01:01:01.111111111Z'],
    ['empty-directory', '2002-02-02T02:02:02.222222222Z'],
    ['.', '2003-03-03T03:03:03.333333333Z'],
  ]
  for (const [path, time] of times) {
    try {
      execFileSync('touch', ['--no-dereference', '--date', time, `${folder}/${path}`], { stdio: 'pipe' })
    } catch {
      leftOut.push(`the time ${time}: this file system does not hold it`)
    }
  }
}
