/** What the server says of a failure or a warning (protocol: "Error and Notice Message Fields"). */
export interface ServerNotice {
  /** "ERROR", "WARNING" …, never translated. */
  readonly severity: string
  /** SQLSTATE */
  readonly code: string
  readonly message: string
  readonly detail: string | undefined
  readonly hint: string | undefined
}

/** An ErrorResponse as an error whose `code` is the SQLSTATE, as the driver's errors are. */
export class ServerError extends Error {
  override readonly name = 'ServerError'
  readonly code: string
  readonly severity: string

  constructor(notice: ServerNotice) {
    super([notice.message, notice.detail, notice.hint].filter((part) => part !== undefined).join('; '))
    this.code = notice.code
    this.severity = notice.severity
  }
}

/** The body of an ErrorResponse or NoticeResponse. */
export function decodeNotice(body: Buffer): ServerNotice {
  const fields = new Map<string, string>()
  for (let at = 0; at < body.length && body[at] !== 0; ) {
    const end = body.indexOf(0, at)
    if (end < 0) break
    fields.set(String.fromCharCode(body[at]!), body.toString('utf8', at + 1, end))
    at = end + 1
  }
  return {
    severity: fields.get('V') ?? fields.get('S') ?? 'ERROR',
    code: fields.get('C') ?? '',
    message: fields.get('M') ?? 'the server gave no reason',
    detail: fields.get('D'),
    hint: fields.get('H'),
  }
}

/** The values of a DataRow, as text. */
export function decodeRow(body: Buffer): (string | null)[] {
  const values: (string | null)[] = []
  let at = 2
  for (let left = body.readUInt16BE(0); left > 0; left--) {
    const length = body.readInt32BE(at)
    at += 4
    if (length < 0) {
      values.push(null)
      continue
    }
    values.push(body.toString('utf8', at, at + length))
    at += length
  }
  return values
}
