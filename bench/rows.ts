import type { Contender, Step } from './contender.ts'
import type { DataSetName } from './data-sets.ts'
import type { Measurement } from './measure.ts'

const MiB = 1024 * 1024

/** Medians of what was measured, by contender, data set and step. */
export interface Figures {
  measurement(contender: Contender['name'], dataSet: DataSetName, step: Step): Measurement
  repositoryBytes(contender: Contender['name'], dataSet: DataSetName): number
}

/** One line of the table that the program has to meet. */
export interface Row {
  readonly name: string
  readonly text: string
  readonly dataSet: DataSetName
  readonly step: Step
  /** What must be reached, in words. */
  readonly wanted: string
  /** The figures of both, and whether they reach what is wanted. */
  judge(figures: Figures): { ours: string; restic: string; ratio: string; reached: boolean }
}

export const rows: readonly Row[] = [
  speedRow(
    'first-mixed',
    'First backup of 2 GiB, half random, half programs and sources, 12,000 files',
    'mixed',
    'first',
    2.5,
  ),
  speedRow('unchanged-mixed', 'The same again, nothing changed', 'mixed', 'unchanged', 5),
  speedRow('keyed-mixed', 'The same, our master key handed in instead of a password', 'mixed', 'unchanged-keyed', 5),
  speedRow('first-small', 'First backup of 100,000 small files', 'small', 'first', 2),
  speedRow('unchanged-small', '100,000 small files, nothing changed', 'small', 'unchanged', 5),
  speedRow('keyed-small', 'The same, our master key handed in instead of a password', 'small', 'unchanged-keyed', 5),
  speedRow('restore-mixed', 'Restore of the 2 GiB', 'mixed', 'restore', 2),
  speedRow('restore-small', 'Restore of the 100,000 small files', 'small', 'restore', 2),
  speedRow('check-mixed', 'check --read-data of the 2 GiB', 'mixed', 'check', 1.5),
  sizeRow('size-mixed', 'Repository of the 2 GiB', 'mixed'),
  sizeRow('size-small', 'Repository of the 100,000 small files', 'small'),
  memoryRow('memory-mixed', 'Peak memory, first backup of 2 GiB', 'mixed'),
  coresRow('cores-large', 'One file of 8 GiB: processors kept busy', 'large'),
  memoryRow('memory-large', 'One file of 8 GiB: peak memory', 'large'),
]

function speedRow(name: string, text: string, dataSet: DataSetName, step: Step, wanted: number): Row {
  return {
    name,
    text,
    dataSet,
    step,
    wanted: `${wanted} times as fast`,
    judge: (figures) => {
      const ours = figures.measurement('ours', dataSet, step).wallSeconds
      const restic = figures.measurement('restic', dataSet, step).wallSeconds
      const ratio = restic / ours
      return {
        ours: seconds(ours),
        restic: seconds(restic),
        ratio: `${ratio.toFixed(2)} times as fast`,
        reached: ratio >= wanted,
      }
    },
  }
}

function sizeRow(name: string, text: string, dataSet: DataSetName): Row {
  const most = 1.03
  return {
    name,
    text,
    dataSet,
    step: 'first',
    wanted: `at most ${most} times restic's`,
    judge: (figures) => {
      const ours = figures.repositoryBytes('ours', dataSet)
      const restic = figures.repositoryBytes('restic', dataSet)
      return {
        ours: mebibytes(ours),
        restic: mebibytes(restic),
        ratio: `${(ours / restic).toFixed(3)} times`,
        reached: ours <= most * restic,
      }
    },
  }
}

function memoryRow(name: string, text: string, dataSet: DataSetName): Row {
  const most = 256 * MiB
  return {
    name,
    text,
    dataSet,
    step: 'first',
    wanted: `at most ${mebibytes(most)}`,
    judge: (figures) => {
      const ours = figures.measurement('ours', dataSet, 'first').peakBytes
      const restic = figures.measurement('restic', dataSet, 'first').peakBytes
      return {
        ours: mebibytes(ours),
        restic: mebibytes(restic),
        ratio: `${(ours / restic).toFixed(2)} times`,
        reached: ours <= most,
      }
    },
  }
}

/** "Both cores busy", said as a figure: at least 85 % of two, on the mean over the whole run. */
function coresRow(name: string, text: string, dataSet: DataSetName): Row {
  const least = 1.7
  return {
    name,
    text,
    dataSet,
    step: 'first',
    wanted: `at least ${least} of 2`,
    judge: (figures) => {
      const busy = (contender: Contender['name']): number => {
        const { cpuSeconds, wallSeconds } = figures.measurement(contender, dataSet, 'first')
        return cpuSeconds / wallSeconds
      }
      const [ours, restic] = [busy('ours'), busy('restic')]
      const wall = (contender: Contender['name']): number =>
        figures.measurement(contender, dataSet, 'first').wallSeconds
      const ratio = `${(wall('restic') / wall('ours')).toFixed(2)} times as fast`
      return { ours: `${ours.toFixed(2)} cores`, restic: `${restic.toFixed(2)} cores`, ratio, reached: ours >= least }
    },
  }
}

export function seconds(value: number): string {
  return `${value.toFixed(2)} s`
}

export function mebibytes(bytes: number): string {
  return `${(bytes / MiB).toFixed(0)} MiB`
}
