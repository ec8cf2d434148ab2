/** A sequence's new state, as its record in the log has it: what it stands at after a crash. */
export interface SequenceRecord {
  /** Names its file: "tablespace/database/file", by their numbers. */
  readonly file: string
  /** Undefined where the record is written in a way that is not known. */
  readonly state: { readonly value: string; readonly isCalled: boolean } | undefined
}

export const recordHeaderBytes = 24
const hasInfo = 0x80
const hasImage = 0x10
const isSameFile = 0x80
const blocksMax = 32
const imageHeadBytes = 5
const fileBytes = 12
const tupleHeadBytes = 24
/** From this page magic on (18), an entry of dropped statistics is longer. */
const longStatisticsMagic = 0xd118

/** The main data of a record that has no blocks, as far as it is there. */
export function mainData(record: Buffer): Buffer | undefined {
  const at = pastHeads(record)
  return at === undefined ? undefined : dataAt(record, at)
}

/** The database of the first block that a record changes: 0 for what all share; undefined where it changes none. */
export function databaseOf(record: Buffer): number | undefined {
  const file = firstFile(record)
  return file === undefined ? undefined : record.readUInt32LE(file + 4)
}

/** What a record of the sequences' manager says. */
export function sequenceOf(record: Buffer): SequenceRecord | undefined {
  const file = firstFile(record)
  if (file === undefined) return undefined
  const numbers = [0, 4, 8].map((at) => record.readUInt32LE(file + at))
  const data = dataAt(record, file + fileBytes + 4) // The number of the block is between.
  const values = data?.subarray(fileBytes + tupleHeadBytes)
  const isKnown = values !== undefined && values.length >= 17 && data![fileBytes + 22] === tupleHeadBytes
  const state = isKnown ? { value: `${values.readBigInt64LE(0)}`, isCalled: values[16] === 1 } : undefined
  return { file: numbers.join('/'), state }
}

/**
 * The number of the prepared transaction that a record ends, from the record's main data; undefined where not all of it
 * is there. `magic`: of the page, which tells the version.
 */
export function preparedTransaction(data: Buffer, info: number, magic: number): number | undefined {
  if ((info & hasInfo) === 0 || data.length < 12) return undefined
  const parts = data.readUInt32LE(8)
  let at = 12
  const has = (bit: number): boolean => (parts & (1 << bit)) !== 0
  if (has(0)) at += 8
  const list = (bit: number, bytes: number): void => {
    if (has(bit)) at += 4 + bytes * (at + 4 <= data.length ? data.readUInt32LE(at) : data.length)
  }
  list(1, 4) // Subtransactions.
  list(2, fileBytes)
  list(8, magic >= longStatisticsMagic ? 16 : 12)
  list(3, 16) // What other sessions must forget.
  return has(4) && at + 4 <= data.length ? data.readUInt32LE(at) : undefined
}

/** Where the first block's file is named; undefined where there is none, or not as far as it is there. */
function firstFile(record: Buffer): number | undefined {
  const at = pastHeads(record)
  if (at === undefined || at + 4 > record.length || record[at]! > blocksMax) return undefined
  const flags = record[at + 1]!
  if ((flags & isSameFile) !== 0) return undefined
  let file = at + 4
  if ((flags & hasImage) !== 0) {
    if (file + imageHeadBytes > record.length) return undefined
    const isCompressed = (record[file + 4]! & 0x1c) !== 0
    const hasHole = (record[file + 4]! & 0x01) !== 0
    file += imageHeadBytes + (isCompressed && hasHole ? 2 : 0)
  }
  return file + fileBytes <= record.length ? file : undefined
}

/** Past what may stand before blocks and data: the origin and the number of the top transaction. */
function pastHeads(record: Buffer): number | undefined {
  const [origin, topTransaction] = [253, 252]
  let at = recordHeaderBytes
  while (at < record.length) {
    if (record[at] === origin) at += 3
    else if (record[at] === topTransaction) at += 5
    else return at
  }
  return undefined
}

function dataAt(record: Buffer, at: number): Buffer | undefined {
  const [long, short] = [254, 255]
  if (record[at] === long) return record.subarray(at + 5)
  return record[at] === short ? record.subarray(at + 2) : undefined
}
