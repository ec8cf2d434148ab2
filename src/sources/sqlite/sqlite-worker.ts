import { serveJobs } from '../../kernels/worker-host.ts'
import { checkIntegrity } from './check-integrity.ts'
import { copyDatabase } from './copy-database.ts'
import { queryValue } from './query-value.ts'
import type { SqliteAnswer, SqliteJob } from './sqlite-job.ts'
import { sqliteManifestOf } from './sqlite-manifest.ts'

let isStopped = false

serveJobs<SqliteJob, SqliteAnswer>({
  handle: async (job) => {
    switch (job.kind) {
      case 'copy':
        return { kind: 'copy', facts: await copyDatabase(job, () => isStopped) }
      case 'check':
        checkIntegrity(job.path, job.name)
        return { kind: 'check' }
      case 'manifest':
        return { kind: 'manifest', manifest: sqliteManifestOf(job.path, job.name) }
      case 'ask':
        return { kind: 'ask', value: queryValue(job.path, job.sql) }
      default:
        return job satisfies never
    }
  },
  onMessage: () => {
    isStopped = true
  },
})
