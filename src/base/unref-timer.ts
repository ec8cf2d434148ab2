/** Does something after `ms`, unless it is disposed of before; it does not keep the process from ending. */
export function unrefTimer(ms: number, action: () => void): Disposable {
  const timer = setTimeout(action, ms)
  timer.unref()
  return { [Symbol.dispose]: () => clearTimeout(timer) }
}
