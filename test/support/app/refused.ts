import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { afterEach, beforeEach } from '@jest/globals'
import { REFUSAL_CHANNEL, type RefusalMessage } from '../../../server/settings/report.js'
import { LiveSessionError } from '../../../shared/errors.js'
import { awaited } from './awaited.js'

export function refused(act: () => unknown): LiveSessionError {
  try {
    act()
  } catch (error) {
    if (error instanceof LiveSessionError) return error
  }
  throw new Error('not refused')
}

/** Resolves with the next refusal that the server publishes. */
export function nextRefusal(): Promise<RefusalMessage> {
  const published = new Promise<RefusalMessage>((resolve) => {
    const hear = (message: unknown): void => {
      unsubscribe(REFUSAL_CHANNEL, hear)
      resolve(message as RefusalMessage)
    }
    subscribe(REFUSAL_CHANNEL, hear)
  })
  return awaited('a refusal', published)
}

/** Records what the server refuses during each test of this file or `describe`, each as `<where> <code>`. */
export function recordRefusals(): string[] {
  const refusals: string[] = []
  const hear = (message: unknown): void => {
    const { where, code } = message as RefusalMessage
    refusals.push(`${where} ${code}`)
  }
  beforeEach(() => {
    refusals.length = 0
    subscribe(REFUSAL_CHANNEL, hear)
  })
  afterEach(() => void unsubscribe(REFUSAL_CHANNEL, hear))
  return refusals
}
