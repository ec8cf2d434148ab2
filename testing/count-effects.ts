import childProcess from 'node:child_process'
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import type { Catalog } from '../src/catalog/catalog.ts'
import { createLocalFolder } from '../src/storage/local/local-folder.ts'
import { localStorage } from '../src/storage/local/local-storage.ts'
import type { Storage } from '../src/storage/storage.ts'
import type { StorageAdapters } from '../src/storage/storage-adapter.ts'

const changes = ['mkdir', 'rename', 'rm', 'link', 'unlink', 'writeFile', 'copyFile', 'chmod', 'chown', 'open'] as const

/** Calls `effect` before this process changes the disk through Node, or starts a program. For ever: of a process of its own. */
export function countEffects(effect: () => void): void {
  const functions = fs as unknown as Record<string, (...given: unknown[]) => unknown>
  const promises = fs.promises as unknown as Record<string, (...given: unknown[]) => unknown>
  for (const name of changes) {
    for (const [owner, called] of [
      [functions, `${name}Sync`],
      [promises, name],
    ] as const) {
      const real = owner[called]!
      owner[called] = (...given) => {
        effect()
        return real(...given)
      }
    }
  }
  const spawn = childProcess.spawn
  childProcess.spawn = ((...given: Parameters<typeof spawn>) => {
    effect()
    return spawn(...given)
  }) as typeof spawn
  syncBuiltinESMExports()
}

/** Local storage that calls `effect` before an object is fetched. */
export function countingStorages(effect: () => void): StorageAdapters {
  const counting = (inside: Storage): Storage => ({
    ...inside,
    get: (...given) => {
      effect()
      return inside.get(...given)
    },
  })
  return {
    local: {
      open: async (place) => counting(localStorage(place)),
      create: async (place, signal) => {
        await createLocalFolder(place, signal)
        return counting(localStorage(place))
      },
    },
  }
}

/** The same catalog, which calls `effect` before it is written to. */
export function countingCatalog(inside: Catalog, effect: () => void): Catalog {
  return new Proxy(inside, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name, target)
      if (typeof value !== 'function') return value
      const isWriting = typeof name === 'string' && /^(add|begin|end|lose|remove|replace)/.test(name)
      return (...given: unknown[]): unknown => {
        if (isWriting) effect()
        return Reflect.apply(value, target, given) as unknown
      }
    },
  })
}
