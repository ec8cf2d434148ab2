import { chmodSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SeededRandom } from '../testing/seeded-random.ts'

/** Kinds of objects that are damaged; each is as likely as the others, however few of it there are. */
export const damagedKinds = ['config', 'index', 'snapshots', 'data'] as const

/** A damage that was done to a repository in a local folder. */
export interface Damage {
  /** "data/ab/abcd…", "config" … */
  readonly objectName: string
  /** What a message must hold that names the object: its id's first eight digits, or "config". */
  readonly shownName: string
  /** "bit 5 of byte 1234 flipped" … */
  readonly what: string
  /** The object's bytes before. */
  readonly before: Buffer
}

/** Flips a bit, cuts bytes off, or removes a file, of one object at random. */
export function damageAtRandom(repository: string, random: SeededRandom): Damage {
  const kind = random.pick(damagedKinds)
  const objectName = kind === 'config' ? kind : random.pick(objectsOf(repository, kind))
  const path = join(repository, objectName)
  const before = readFileSync(path)
  chmodSync(path, 0o600)
  return { objectName, shownName: shownName(objectName), what: damageFile(path, before, random), before }
}

function objectsOf(repository: string, kind: string): string[] {
  return readdirSync(join(repository, kind), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(repository.length + 1))
    .toSorted()
}

function shownName(objectName: string): string {
  return objectName.split('/').at(-1)!.slice(0, 8)
}

function damageFile(path: string, before: Buffer, random: SeededRandom): string {
  switch (random.pick(['flip', 'cut', 'remove'] as const)) {
    case 'flip': {
      const after = Buffer.from(before)
      const [at, bit] = [random.below(after.length), random.below(8)]
      after[at] = after[at]! ^ (1 << bit)
      writeFileSync(path, after)
      return `bit ${bit} of byte ${at} flipped`
    }
    case 'cut': {
      const count = random.below(10) === 0 ? before.length : 1 + random.below(Math.min(before.length, 100))
      truncateSync(path, before.length - count)
      return `${count} of ${before.length} bytes cut off`
    }
    default:
      rmSync(path)
      return 'removed'
  }
}
