import type { LiveSessionErrorCode } from '../shared/errors.js'
import { NEVER, type Stamp } from '../shared/stamp.js'
import type { Draft } from './draft.js'

/** How many good answers, with no cookie coming back, prove that the browser keeps none. */
export const MAX_ANSWERS = 3

/** How far the changes of a key have got. */
export interface Entry {
  /** The newest change, until it is acknowledged. */
  draft?: Draft | undefined
  /** The change that is under way: one at a time, so that none can overtake a later one. */
  sending?: Draft | undefined
  /** An earlier change may have arrived or not: what the server has by now may be our own. */
  isUncertain?: boolean
  /** The newest ticket, where there is one for the newest stamp. */
  ticket: string
  /** The newest stamp that the cookie shall have. */
  signed: Stamp
  /** Good answers to a POST of that ticket which did not show it in the cookie; at the most it is given up. */
  answers: number
  /** The newest stamp that was seen in the cookie. */
  saved: Stamp
  /** Why the newest change was refused. */
  refused?: LiveSessionErrorCode | undefined
  /** Set here, and not only elsewhere. */
  isOwn?: boolean
}

export function createEntry(): Entry {
  return { ticket: '', signed: NEVER, answers: 0, saved: NEVER }
}

export function isUnsaved({ signed, saved, answers }: Entry): boolean {
  return signed > saved && answers < MAX_ANSWERS
}
