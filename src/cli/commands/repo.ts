import type { Command } from '@commander-js/extra-typings'
import type { RunCommand } from '../command-entry.ts'
import { define as defineInit } from './init.ts'
import { define as defineUnlock } from './unlock.ts'

export function define(command: Command, run: RunCommand): void {
  command.description('Makes a repository, or removes locks that were left behind.')
  defineInit(command.command('init').summary('make a new repository'), run)
  defineUnlock(command.command('unlock').summary('remove locks that were left behind'), run)
}
