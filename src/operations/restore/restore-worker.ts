import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { serveJobs, workerHost } from '../../kernels/worker-host.ts'
import { BlobOpener } from '../../repository/blob-opener.ts'
import { TargetFolder } from '../../sources/files/target-folder.ts'
import { compareJob } from './compare-job.ts'
import { OpenDirectories } from './open-directories.ts'
import { finishJob, prepareJob } from './prepare-job.ts'
import type { RestoreAnswer, RestoreJob, RestoreWorkerData } from './restore-job.ts'
import type { RestoreWorkerContext } from './restore-worker-context.ts'
import { writeJob } from './write-job.ts'

interface OwnContext extends RestoreWorkerContext {
  readonly blobs: BlobOpener
}

const host = workerHost()
let begun: OwnContext | undefined

serveJobs<RestoreJob, RestoreAnswer>((job) => {
  const context = (begun ??= createContext(host.workerData as RestoreWorkerData))
  switch (job.kind) {
    case 'write':
      return writeJob(job, context)
    case 'prepare':
      return prepareJob(job, context)
    case 'finish':
      return finishJob(job, context)
    case 'compare':
      return compareJob(job, context)
    case 'close':
      context.directories.close()
      context.blobs.close()
      return job
    default:
      return job satisfies never
  }
})

function createContext({ key, memory, targetFd, target, sparse }: RestoreWorkerData): OwnContext {
  const directories = new OpenDirectories(TargetFolder.attach(targetFd, target))
  return { directories, blobs: new BlobOpener(key, new KernelMemory(memory)), sparse }
}
