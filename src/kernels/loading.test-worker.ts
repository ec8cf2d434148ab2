import '../posix/libc.ts' // Loads the native library.
import { serveJobs } from './worker-host.ts'

serveJobs(() => undefined)
