import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { serveJobs, workerHost } from '../../kernels/worker-host.ts'
import type { CheckAnswer, CheckJob, CheckWorkerData } from './check-job.ts'
import { PackVerifier } from './pack-verifier.ts'

const { key, memory } = workerHost().workerData as CheckWorkerData
const verifier = new PackVerifier(new KernelMemory(memory), key)

serveJobs<CheckJob, CheckAnswer>((job) => verifier.verify(job))
