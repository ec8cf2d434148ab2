import { InvalidArgumentError } from 'commander'
import { isFailure } from '../../base/failure.ts'

/** A parser of the model as a parser of the command line: its Failure `usage` is told with the option's name. */
export function argumentParser<Value>(parse: (text: string) => Value): (text: string) => Value {
  return (text) => {
    try {
      return parse(text)
    } catch (error) {
      if (!isFailure(error, 'usage')) throw error
      throw new InvalidArgumentError(`${error.message}.`)
    }
  }
}
