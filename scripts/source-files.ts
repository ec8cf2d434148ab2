import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { SourceFile } from './floors.ts'

/** The project's root folder. */
export const projectFolder = join(import.meta.dirname, '..')

/** Every file below these folders of the project whose name ends so, in the order of paths, with its text. */
export function sourceFiles(folders: readonly string[], ending: string): SourceFile[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(projectFolder, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
        .map((entry) => join(entry.parentPath, entry.name).slice(projectFolder.length + 1)),
    )
    .toSorted()
    .map((path) => ({ path, text: readFileSync(join(projectFolder, path), 'utf8') }))
}
