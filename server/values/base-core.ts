import type Koa from 'koa'
import type { Report, Warn } from '../settings/report.js'
import type { Settings } from '../settings/settings.js'
import type { Epochs } from './epochs.js'
import type { GuestBytes } from './guest-bytes.js'
import type { Notifications } from './notifications.js'
import type { NameHandler, Remote } from './remote.js'
import type { Subjects } from './subjects.js'

/** The base of the core: settings, warnings, and the subjects in memory with their epochs. */
export interface BaseCore {
  readonly app: Koa
  readonly notifications: Notifications
  readonly epochs: Epochs
  readonly guestBytes: GuestBytes
  /** The handlers of names other than subjects. */
  readonly nameHandlers: readonly NameHandler[]
  readonly remote: Remote
  readonly report: Report
  readonly settings: Settings
  readonly subjects: Subjects
  readonly warn: Warn
}
