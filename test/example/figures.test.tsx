import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { AS_OF, records, YEAR } from '../../example/data.js'
import { ALL_DIVISIONS, divisions } from '../../example/divisions.js'
import { Costs } from '../../example/views/costs.js'
import { Home } from '../../example/views/home.js'
import { Projects } from '../../example/views/projects.js'

/** A view rendered by the server, as a visitor reads it. */
class Rendered {
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
function numberIn(text: string): number {
  const found = /(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?/.exec(text)?.[0]
  if (found === undefined) throw new Error(`no number in "${text}"`)
  return Number(found.replaceAll(',', ''))
}

const choices = [{ id: ALL_DIVISIONS, name: 'All divisions' }, ...divisions]
const home = (division: number): Rendered => new Rendered(<Home division={division} />)
const projects = (division: number): Rendered => new Rendered(<Projects division={division} />)
const costs = (division: number): Rendered => new Rendered(<Costs division={division} />)
const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0)

describe.each(choices)('the figures of $name', ({ id }) => {
  it('agree on the spent amount on Home, Costs and Projects', () => {
    const spent = numberIn(home(id).figure('Spent').value)
    expect(numberIn(costs(id).figure('Spent').value)).toBe(spent)
    expect(sum(projects(id).texts('[data-label=Spent]').map(numberIn))).toBe(spent)
  })

  it('agree on the budget on Home and Projects', () => {
    const budget = numberIn(home(id).figure('Budget').value)
    expect(numberIn(projects(id).figure('Budget').value)).toBe(budget)
    expect(sum(projects(id).texts('[data-label=Budget]').map(numberIn))).toBe(budget)
  })

  it('add up: spent and remaining amounts equal the budget', () => {
    const { value: budget } = home(id).figure('Budget')
    const { value: spent, note: shareSpent } = home(id).figure('Spent')
    const { value: left, note: shareLeft } = projects(id).figure('Left of the budget')
    expect(numberIn(spent) + numberIn(left)).toBe(numberIn(budget))
    expect(numberIn(shareSpent) + numberIn(shareLeft)).toBe(100)
  })

  it('add up as displayed: months, categories and shares', () => {
    const view = costs(id)
    const months = view.rows('.costs tbody').map((row) => row.slice(1).map(numberIn))
    const [year = []] = view.rows('.costs tfoot').map((row) => row.slice(1).map(numberIn))
    const cents = (amount: number): number => Math.round(amount * 10)
    for (const row of [...months, year]) expect(cents(sum(row.slice(0, -1)))).toBe(cents(row.at(-1) ?? 0))
    for (const [column, total] of year.entries()) {
      expect(cents(sum(months.map((row) => row[column] ?? 0)))).toBe(cents(total))
    }
    expect(cents(year.at(-1) ?? 0)).toBe(numberIn(view.figure('Spent').value) / 100)
    expect(sum(view.texts('.categories .share').map(numberIn))).toBe(100)
  })
})

it('the figures of all divisions are the sums over the divisions', () => {
  const each = (figure: (division: number) => number): number => sum(divisions.map(({ id }) => figure(id)))
  for (const figure of [
    (id: number) => numberIn(home(id).figure('Budget').value),
    (id: number) => numberIn(home(id).figure('Spent').value),
    (id: number) => numberIn(home(id).figure('At risk').value),
  ]) {
    expect(each(figure)).toBe(figure(ALL_DIVISIONS))
  }
})

const due = (selector: string, view: Rendered): readonly string[] => view.attributes(`${selector} time`, 'datetime')

describe('the dates', () => {
  it('put finished projects before the reporting date and open ones after it', () => {
    for (const { name, status, due } of records) {
      expect([name, due <= AS_OF]).toEqual([name, status === 'Done'])
    }
  })

  it('list the projects due next by date, as in the table', () => {
    const next = due('.due-next', home(ALL_DIVISIONS))
    const active = records.filter(({ status }) => status === 'Active').map((project) => project.due)
    expect(next).toEqual(active.sort().slice(0, next.length))
    expect(due('.projects', projects(ALL_DIVISIONS))).toEqual(expect.arrayContaining([...next]))
  })

  it('limit costs to the time between start, due date and reporting date', () => {
    for (const { name, start, due, thousands } of records) {
      const months = thousands.map((_, index) => new Date(Date.UTC(YEAR, Number(start.slice(5)) - 1 + index)))
      const last = months.at(-1)?.toISOString().slice(0, 7) ?? start
      expect([name, last <= due.slice(0, 7) && (thousands.length === 0 || last <= AS_OF.slice(0, 7))]).toEqual([
        name,
        true,
      ])
    }
  })
})
