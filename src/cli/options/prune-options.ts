import { type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings'
import { pruneDefaults, type PruneOptions, type UnusedLimit } from '../../operations/prune/prune-options.ts'
import { parseSize } from './parse-size.ts'

/** What commander keeps of the options below. */
interface PruneFlags {
  readonly maxUnused?: UnusedLimit
  readonly maxRepackSize?: number
  readonly repackSmallerThan?: number
  readonly repackCacheableOnly?: true
  readonly repackUncompressed?: true
}

/** Adds restic's options of how to prune. */
export function addPruneOptions(command: CommandUnknownOpts): void {
  const options = [
    new Option('--max-unused <limit>', 'unused data that may stay: 5%, 500M or unlimited').argParser(parseUnusedLimit),
    new Option('--max-repack-size <size>', 'rewrite at most so much (0 rewrites nothing)').argParser(parseSize),
    new Option('--repack-smaller-than <size>', 'rewrite packs smaller than this').argParser(parseSize),
    new Option('--repack-cacheable-only', 'rewrite only packs of trees'),
    new Option('--repack-uncompressed', 'rewrite file content that is not compressed yet'),
  ]
  for (const option of options) command.addOption(option.helpGroup('Options of pruning:'))
}

/** How to prune, by the options of a command. */
export function readPruneOptions(command: CommandUnknownOpts): PruneOptions {
  const flags: PruneFlags = command.opts()
  return {
    unusedLimit: flags.maxUnused ?? pruneDefaults.unusedLimit,
    repackBytesMax: flags.maxRepackSize ?? pruneDefaults.repackBytesMax,
    smallPackBytes: flags.repackSmallerThan ?? pruneDefaults.smallPackBytes,
    dataPacks: flags.repackCacheableOnly === true ? 'keep' : pruneDefaults.dataPacks,
    uncompressedData: flags.repackUncompressed === true ? 'compress' : pruneDefaults.uncompressedData,
  }
}

/** "unlimited", a share of what is left afterwards such as "5%", or a size. */
export function parseUnusedLimit(text: string): UnusedLimit {
  if (text === 'unlimited') return 'unlimited'
  const share = /^(\d+(?:\.\d+)?)%$/.exec(text)
  if (share === null) return { bytes: parseSize(text) }
  const percent = Number(share[1])
  if (percent < 100) return { percent }
  throw new InvalidArgumentError('Expected a share below 100%.')
}
