import type Koa from 'koa'
import type { Settings } from '../../options.js'
import type { Report, Warn } from '../../report.js'
import type { Announcements } from '../memory/announcements.js'
import type { GuestBytes } from '../memory/guest-bytes.js'
import type { Subjects } from '../memory/subjects.js'
import type { NameOwner, Remote } from './beyond.js'
import type { Epochs } from './epochs.js'

/** The kernel up to revocations. */
export interface UpToEnds {
  readonly app: Koa
  readonly announcements: Announcements
  readonly epochs: Epochs
  readonly guestBytes: GuestBytes
  /** The owners of names other than subjects. */
  readonly owners: readonly NameOwner[]
  readonly remote: Remote
  readonly report: Report
  readonly settings: Settings
  readonly subjects: Subjects
  readonly warn: Warn
}
