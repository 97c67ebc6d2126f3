import { LOGIN_STAMP } from '../../../shared/stamp.js'
import { type Html, html } from './html.js'

const LAST_DATE = 8.64e15

/** Renders a time: for today without the date, to the ms. In UTC, like most server logs. */
export function timeMarkup(time: number, now: number): Html {
  if (time === LOGIN_STAMP) return html`before a sign-in`
  if (!(time > LOGIN_STAMP && time <= LAST_DATE)) return html`never`
  const iso = new Date(time).toISOString()
  const [date = '', clock = ''] = iso.slice(0, -1).split('T')
  const isToday = now <= LAST_DATE && date === new Date(now).toISOString().slice(0, date.length)
  return html`<time datetime="${iso}">${isToday ? clock : `${date} ${clock}`}</time>`
}
