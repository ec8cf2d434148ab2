import { storageContract } from '../storage.contract.ts'
import { memoryStorage } from './memory-storage.ts'

storageContract('memoryStorage()', async () => memoryStorage())
