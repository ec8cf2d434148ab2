import { catalogContract } from '../catalog.contract.ts'
import { memoryCatalog } from './memory-catalog.ts'

catalogContract('memoryCatalog()', async () => memoryCatalog())
