import { KernelMemory } from '../../kernels/kernel-memory.ts'
import { serveJobs, workerHost } from '../../kernels/worker-host.ts'
import type { CheckAnswer, CheckJob, CheckWorkerData } from './check-job.ts'
import { PackVerifier } from './pack-verifier.ts'

const host = workerHost()
let verifier: PackVerifier | undefined

serveJobs<CheckJob, CheckAnswer>((job) => {
  verifier ??= createVerifier(host.workerData as CheckWorkerData)
  return verifier.verify(job)
})

function createVerifier({ key, memory }: CheckWorkerData): PackVerifier {
  return new PackVerifier(new KernelMemory(memory), key)
}
