import { floorFaults } from './floors.ts'
import { sourceFiles } from './source-files.ts'

const files = sourceFiles(['src'], '.ts').filter(({ path }) => !path.startsWith('src/kernels/assembly/'))
const faults = floorFaults(files)
for (const fault of faults) console.error(fault)
console.log(`floors: ${files.length} files, ${faults.length} imports that the house does not allow`)
process.exitCode = faults.length === 0 ? 0 : 1
