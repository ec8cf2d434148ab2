import { appendFileSync, linkSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import type { SeededRandom } from '../testing/seeded-random.ts'

/** Changes a tree of makeSampleTree() in each way that a backup must notice: new, changed, moved, gone, another type. */
export function changeTree(folder: string, random: SeededRandom): void {
  appendFileSync(`${folder}/plain/text`, 'One line more\n')
  writeFileSync(`${folder}/plain/new`, random.bytes(700_000))
  renameSync(`${folder}/plain/several-chunks`, `${folder}/plain/moved`)
  rmSync(`${folder}/plain/empty`)
  mkdirSync(`${folder}/plain/empty`)
  rmSync(`${folder}/dangling`)
  symlinkSync('plain', `${folder}/dangling`)
  linkSync(`${folder}/plain/new`, `${folder}/hard-link-3`)
  rmSync(`${folder}/names`, { recursive: true })
}
