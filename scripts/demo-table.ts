const stepWidth = 35
const resultWidth = 72

/** A table that grows line by line while its steps run. */
export class DemoTable {
  readonly #output: NodeJS.WritableStream
  readonly #beginMs = performance.now()
  #steps = 0

  constructor(output: NodeJS.WritableStream) {
    this.#output = output
  }

  begin(): void {
    this.#line('', 'step', 'result', '  time')
    this.#line('', '-'.repeat(stepWidth), '-'.repeat(resultWidth), '------')
  }

  /** Runs a step and prints its line with what it answers. Where it fails, the line says so, and the error goes on. */
  async step(name: string, work: () => Promise<string>): Promise<void> {
    this.#steps += 1
    const beginMs = performance.now()
    const time = (): string => `${((performance.now() - beginMs) / 1000).toFixed(1)} s`.padStart(6)
    try {
      const result = await work()
      this.#line(String(this.#steps), name, result, time())
    } catch (error) {
      this.#line(String(this.#steps), name, 'FAILED', time())
      throw error
    }
  }

  note(name: string, text: string): void {
    this.#line('', name, text, '')
  }

  end(left: string): void {
    const seconds = ((performance.now() - this.#beginMs) / 1000).toFixed(0)
    this.#output.write(`\nAll ${this.#steps} steps did what they say, in ${seconds} seconds. ${left}\n`)
  }

  #line(number: string, name: string, result: string, time: string): void {
    this.#output.write(
      `${number.padStart(2)}  ${name.padEnd(stepWidth)}  ${result.padEnd(resultWidth)}  ${time}`.trimEnd(),
    )
    this.#output.write('\n')
  }
}
