import type { MetadataProblem } from '../../sources/files/apply-metadata.ts'
import type { FileProblem, FileTarget } from './restore-job.ts'
import { troubleOf } from './target-trouble.ts'

/** Does something for each file; what hinders it is answered as problems of the file. Throws as troubleOf() does. */
export function eachFile<File extends FileTarget>(
  files: readonly File[],
  action: (file: File, number: number) => void,
): FileProblem[] {
  const problems: FileProblem[] = []
  for (const [number, file] of files.entries()) {
    try {
      action(file, number)
    } catch (error) {
      problems.push({ file: number, what: 'file', ...troubleOf(error) })
    }
  }
  return problems
}

export function metadataProblem(file: number, { what, detail }: MetadataProblem): FileProblem {
  return { file, what: 'metadata', code: 'target_failed', detail: `Cannot set its ${what}: ${detail}` }
}
