import { setLength } from '../../posix/file-space.ts'
import { close } from '../../posix/open.ts'
import { eachFile, metadataProblem } from './each-file.ts'
import type { FileProblem, RestoreAnswer, RestoreJob } from './restore-job.ts'
import type { RestoreWorkerContext } from './restore-worker-context.ts'

/** Makes files of their full length, so that parts can be written in any order. */
export function prepareJob(
  job: Extract<RestoreJob, { kind: 'prepare' }>,
  context: RestoreWorkerContext,
): Extract<RestoreAnswer, { kind: 'prepare' }> {
  const problems = eachFile(job.files, (file) => {
    const directory = context.directories.get(job.directories[file.directory]!)
    const fd = job.content === 'new' ? directory.newFile(file.node.name) : directory.presentFile(file.node.name)
    try {
      setLength(fd, file.size)
    } finally {
      close(fd)
    }
  })
  return { kind: 'prepare', problems }
}

/** Gives files their metadata, once all of their content is there. */
export function finishJob(
  job: Extract<RestoreJob, { kind: 'finish' }>,
  context: RestoreWorkerContext,
): Extract<RestoreAnswer, { kind: 'finish' }> {
  const metadataProblems: FileProblem[] = []
  const problems = eachFile(job.files, ({ directory, node }, file) => {
    const found = context.directories.get(job.directories[directory]!).applyMetadata(node.name, node)
    metadataProblems.push(...found.map((problem) => metadataProblem(file, problem)))
  })
  return { kind: 'finish', problems: [...problems, ...metadataProblems] }
}
