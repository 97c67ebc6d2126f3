import { escapeUnit } from '../../../shared/escape.js'

/** Markup that was made by `html`, and is safe to send. */
export class Html {
  readonly #text: string

  constructor(text: string) {
    this.#text = text
  }

  toString(): string {
    return this.#text
  }
}

/** What may be in markup; false and undefined are nothing. */
export type Content = Html | string | number | false | undefined | readonly Content[]

/** Markup: what it is written with is taken as it is, all else is escaped, also between the quotes of an attribute. */
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

/** Characters without a shape of their own are shown by their numbers: what is read is what is there, in its order. */
function escaped(text: string): string {
  const printable = text.replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu, (found) =>
    found.split('').map(escapeUnit).join(''),
  )
  return printable.replace(/[&<>"']/g, (found) => ENTITIES[found] ?? '')
}
