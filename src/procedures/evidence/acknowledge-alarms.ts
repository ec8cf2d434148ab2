import {
  acknowledgementNote,
  acknowledgementText,
  type EvidenceAlarm,
  headsOfAlarms,
} from '../../model/evidence/evidence-alarm.ts'
import { type EvidenceSigner, signLedger } from './sign-ledger.ts'
import { alarmsOf, type HeadKeeper, storeHeads } from './store-heads.ts'

/** What was acknowledged, and what is wrong besides. */
export interface AlarmsAcknowledged {
  readonly alarms: readonly EvidenceAlarm[]
  readonly troubles: readonly string[]
}

/**
 * Has a person say why the alarms that are open are so: the locations are looked at as a whole first, so that all that can be said
 * against the evidence is on record, then the reason, which is signed at once and stored at the locations. The alarms are history
 * then: they stay in the ledger, its exports and reports. Nothing is recorded where none is open. Failures as of signLedger(): a
 * ledger that was changed can not be acknowledged.
 *
 * Crash order: alarms, acknowledgement, head; a crash before the head leaves it to the next one that is signed.
 */
export async function acknowledgeAlarms(
  keeper: HeadKeeper & EvidenceSigner,
  reason: string,
  signal: AbortSignal,
): Promise<AlarmsAcknowledged> {
  await storeHeads(keeper, 'all', signal)
  const alarms = (await alarmsOf(keeper)).filter(({ acknowledged }) => acknowledged === undefined)
  const { catalog, clock, host } = keeper
  if (alarms.length > 0) {
    const acknowledgement = {
      alarms: alarms.map(({ sequence }) => sequence),
      heads: headsOfAlarms(alarms),
      reason,
      at: clock.now(),
      actor: `${host.username}@${host.hostname}`,
    }
    const { ledger } = await catalog.ledgerEnd()
    const text = acknowledgementText(acknowledgement, { environment: keeper.environment, ledger })
    const signed = await keeper.keyring.signEvidence(text, signal)
    await catalog.addEvidence(acknowledgementNote(acknowledgement, signed))
    await signLedger(keeper, signal)
  }
  const { troubles } = await storeHeads(keeper, 'newest', signal)
  return { alarms, troubles }
}
