import { mkdir } from 'node:fs/promises'
import { fileTrouble } from '../../../keys/file-trouble.ts'

/** Makes a folder for secrets where there is none, 0700. Failures of the storage. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw fileTrouble(error, 'make folder', folder)
  }
}
