// Builds HTML by a template tag that escapes all values.

import { escapeUnit } from '../../../shared/json.js'
import { LOWEST_STAMP } from '../../../shared/stamp.js'

/** Markup created by `html`, which is safe to send. */
export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** A value in markup; false and undefined render nothing. */
export type Content = Html | string | number | false | undefined | readonly Content[]

/** Creates markup: keeps the template's own text, and escapes all values, including those between the quotes of an attribute. */
export function html(parts: TemplateStringsArray, ...contents: readonly Content[]): Html {
  return new Html(parts.reduce((text, part, at) => `${text}${markup(contents[at - 1])}${part}`))
}

function markup(content: Content): string {
  if (content === undefined || content === false) return ''
  if (content instanceof Html) return String(content)
  if (typeof content === 'object') return content.map(markup).join('')
  return escaped(String(content))
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes HTML. Shows invisible and bidirectional control characters as code numbers, because they could disguise a value. */
function escaped(text: string): string {
  const printable = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (found) =>
    found.split('').map(escapeUnit).join(''),
  )
  return printable.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '')
}

const LAST_DATE = 8.64e15

/** Renders a time in UTC, like most server logs, to the ms. Leaves out the date if it is today. */
export function timeMarkup(time: number, now: number): Html {
  if (time === LOWEST_STAMP) return html`before a sign-in`
  if (!(time > LOWEST_STAMP && time <= LAST_DATE)) return html`never`
  const iso = new Date(time).toISOString()
  const [date = '', clock = ''] = iso.slice(0, -1).split('T')
  const isToday = now <= LAST_DATE && date === new Date(now).toISOString().slice(0, date.length)
  return html`<time datetime="${iso}">${isToday ? clock : `${date} ${clock}`}</time>`
}
