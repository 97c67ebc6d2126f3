import { JSDOM } from 'jsdom'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'

/** A view rendered by the server, as a visitor reads it. */
export class Rendered {
  readonly #document: Document

  constructor(view: VNode) {
    this.#document = new JSDOM(renderToString(view)).window.document
  }

  texts(selector: string): readonly string[] {
    return [...this.#document.querySelectorAll(selector)].map(({ textContent }) => textContent ?? '')
  }

  attributes(selector: string, name: string): readonly string[] {
    return [...this.#document.querySelectorAll(selector)].map((element) => element.getAttribute(name) ?? '')
  }

  /** Returns the cells of a table's body, row by row. */
  rows(selector: string): readonly (readonly string[])[] {
    return [...this.#document.querySelectorAll(`${selector} tr`)].map((row) => {
      return [...row.querySelectorAll('th, td')].map(({ textContent }) => textContent ?? '')
    })
  }

  /** Returns a key figure and its note. */
  figure(label: string): { readonly value: string; readonly note: string } {
    const card = [...this.#document.querySelectorAll('.key-figure')].find(
      (figure) => figure.querySelector('dt')?.textContent === label,
    )
    if (!card) throw new Error(`no key figure "${label}"`)
    return {
      value: card.querySelector('.value')?.textContent ?? '',
      note: card.querySelector('.note')?.textContent ?? '',
    }
  }
}

/** Returns the first number in a text: `€1,240,000` is 1240000, whatever digits follow in the next element. */
export function numberIn(text: string): number {
  const found = /(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?/.exec(text)?.[0]
  if (found === undefined) throw new Error(`no number in "${text}"`)
  return Number(found.replaceAll(',', ''))
}
