import { durableRunsContract } from '../durable-runs.contract.ts'
import { memoryRuns } from './memory-runs.ts'

durableRunsContract('memoryRuns()', async () => memoryRuns())
