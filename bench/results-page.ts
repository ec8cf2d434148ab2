import type { Contender, Step } from './contender.ts'
import { type DataSet, type DataSetName, dataSetTexts, roundsOf } from './data-sets.ts'
import { type Measurement, medians } from './measure.ts'
import { reasons } from './reasons.ts'
import { type Figures, mebibytes, type Row, seconds } from './rows.ts'

/** One run of one step. */
export interface Sample {
  readonly contender: Contender['name']
  readonly dataSet: DataSetName
  readonly step: Step
  readonly round: number
  readonly measurement: Measurement
  /** Of all objects together, after the first backup. */
  readonly repositoryBytes: number
}

/** Everything that the page tells besides the samples. */
export interface Circumstances {
  readonly date: string
  readonly commit: string
  readonly machine: string
  readonly ours: string
  readonly restic: string
  readonly node: string
  readonly seed: string
  readonly scale: number
  readonly rounds: number
  readonly dataSets: readonly DataSet[]
  /** Trees of which both programs' restores were compared with the source, file by file, and found equal. */
  readonly provenEqual: readonly DataSetName[]
}

/** Medians of samples. An Error where a row asks for what was not measured. */
export function figuresOf(samples: readonly Sample[]): Figures {
  const some = (contender: Contender['name'], dataSet: DataSetName, step: Step): Sample[] => {
    const found = samples.filter((one) => one.contender === contender && one.dataSet === dataSet && one.step === step)
    if (found.length === 0) throw new Error(`Cannot judge ${step} of ${dataSet} by ${contender}: it was not measured`)
    return found
  }
  return {
    measurement: (contender, dataSet, step) => medians(some(contender, dataSet, step).map((one) => one.measurement)),
    repositoryBytes: (contender, dataSet) => some(contender, dataSet, 'first')[0]!.repositoryBytes,
  }
}

/** The page of results as Markdown. */
export function resultsPage(rows: readonly Row[], samples: readonly Sample[], circumstances: Circumstances): string {
  const figures = figuresOf(samples)
  const judged = rows.map((row) => ({ row, verdict: row.judge(figures) }))
  const table = judged.map(
    ({ row, verdict }) =>
      `| ${row.text} | ${verdict.ours} | ${verdict.restic} | ${verdict.ratio} | ${row.wanted} | ${verdict.reached ? 'yes' : '**no**'} |`,
  )
  const missed = judged
    .filter(({ verdict }) => !verdict.reached)
    .map(({ row }) => `- ${row.text}: ${reasons[row.name] ?? 'not explained yet.'}`)
  return [
    '# Results',
    '',
    'Written by `npm run bench`; not edited by hand.',
    '',
    ...circumstanceLines(circumstances),
    '',
    '| | ours | restic | ours is | wanted | reached |',
    '|---|---|---|---|---|---|',
    ...table,
    '',
    ...(missed.length === 0 ? [] : ['Not reached:', '', ...missed, '']),
    '## Each step',
    '',
    'Medians; in brackets the least and the most of the wall time.',
    '',
    '| | | ours: wall | CPU | peak memory | restic: wall | CPU | peak memory |',
    '|---|---|---|---|---|---|---|---|',
    ...stepLines(samples),
    '',
  ].join('\n')
}

function circumstanceLines(about: Circumstances): string[] {
  const trees = about.dataSets.map(({ name, files, bytes }) => {
    const proof = about.provenEqual.includes(name) ? '; both restores compared with it, file by file: equal' : ''
    return `- *${name}*: ${dataSetTexts[name]}; ${files.toLocaleString('en')} files, ${mebibytes(bytes)}${proof}`
  })
  return [
    `${about.date}, commit ${about.commit}. ${about.machine}. Node ${about.node}.`,
    `Ours: ${about.ours}. restic: ${about.restic}.`,
    `Medians of ${roundsText(about)}, both in turn on the same disk, page cache warm, \`sync\` before each. Seed "${about.seed}", scale ${about.scale}.`,
    '',
    ...trees,
  ]
}

function roundsText({ rounds, dataSets }: Circumstances): string {
  const fewer = dataSets.filter(({ name }) => roundsOf(name, rounds) < rounds)
  return [`${rounds}`, ...fewer.map(({ name }) => `for *${name}* of ${roundsOf(name, rounds)}`)].join(', ')
}

function stepLines(samples: readonly Sample[]): string[] {
  const kinds = new Map(samples.map(({ dataSet, step }) => [`${dataSet} ${step}`, { dataSet, step }]))
  return [...kinds.values()].map(({ dataSet, step }) => {
    const cells = (['ours', 'restic'] as const).flatMap((contender) => {
      const some = samples.filter((one) => one.contender === contender && one.dataSet === dataSet && one.step === step)
      if (some.length === 0) return ['–', '–', '–']
      const middle = medians(some.map((one) => one.measurement))
      const walls = some.map((one) => one.measurement.wallSeconds)
      const span = `(${Math.min(...walls).toFixed(2)}–${Math.max(...walls).toFixed(2)})`
      return [`${seconds(middle.wallSeconds)} ${span}`, seconds(middle.cpuSeconds), mebibytes(middle.peakBytes)]
    })
    return `| ${dataSet} | ${step} | ${cells.join(' | ')} |`
  })
}
