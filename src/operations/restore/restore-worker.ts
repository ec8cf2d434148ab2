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

const data = workerHost().workerData as RestoreWorkerData
const directories = new OpenDirectories(TargetFolder.attach(data.targetFd, data.target))
const blobs = new BlobOpener(data.key, new KernelMemory(data.memory))
const context: RestoreWorkerContext = { directories, blobs, sparse: data.sparse }

serveJobs<RestoreJob, RestoreAnswer>((job) => {
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
      directories.close()
      blobs.close()
      return job
    default:
      return job satisfies never
  }
})
