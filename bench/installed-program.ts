import { copyFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { projectFolder } from '../scripts/source-files.ts'

/** The program as the published package has it: its start script, and dist/ instead of the sources. */
export function installedProgram(folder: string): string {
  const installed = join(folder, 'installed')
  rmSync(installed, { recursive: true, force: true })
  mkdirSync(join(installed, 'bin'), { recursive: true })
  for (const name of ['dist', 'node_modules', 'package.json']) {
    symlinkSync(join(projectFolder, name), join(installed, name))
  }
  const program = join(installed, 'bin/zakops-backup')
  copyFileSync(join(projectFolder, 'bin/zakops-backup'), program)
  return program
}
