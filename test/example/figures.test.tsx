import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'
import { records } from '../../example/data.js'
import { ALL_DIVISIONS, divisions } from '../../example/divisions.js'
import { Costs } from '../../example/views/costs.js'
import { Home } from '../../example/views/home.js'
import { Projects } from '../../example/views/projects.js'

/** A view rendered by the server. */
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

/** Returns the first number in a text: `€1,240,000` is 1240000. */
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
  it('agree on Home, Costs and Projects', () => {
    const [budget, spent] = ['Budget', 'Spent'].map((label) => numberIn(home(id).figure(label).value))
    const { value: left, note: shareLeft } = projects(id).figure('Left of the budget')
    expect(numberIn(costs(id).figure('Spent').value)).toBe(spent)
    expect(numberIn(projects(id).figure('Budget').value)).toBe(budget)
    for (const [label, total] of Object.entries({ Spent: spent, Budget: budget }))
      expect(sum(projects(id).texts(`[data-label=${label}]`).map(numberIn))).toBe(total)
    expect(Number(spent) + numberIn(left)).toBe(budget)
    expect(numberIn(home(id).figure('Spent').note) + numberIn(shareLeft)).toBe(100)
  })

  it('add up by month, category and share', () => {
    const view = costs(id)
    const months = view.rows('.costs tbody').map((row) => row.slice(1).map(numberIn))
    const [year = []] = view.rows('.costs tfoot').map((row) => row.slice(1).map(numberIn))
    const cents = (amount: number): number => Math.round(amount * 10)
    for (const row of [...months, year]) expect(cents(sum(row.slice(0, -1)))).toBe(cents(row.at(-1) ?? 0))
    for (const [column, total] of year.entries())
      expect(cents(sum(months.map((row) => row[column] ?? 0)))).toBe(cents(total))
    expect(cents(year.at(-1) ?? 0)).toBe(numberIn(view.figure('Spent').value) / 100)
    expect(sum(view.texts('.categories .share').map(numberIn))).toBe(100)
  })
})

it('the figures of all divisions are sums over the divisions', () => {
  for (const label of ['Budget', 'Spent', 'At risk']) {
    const [total = 0, ...each] = choices.map(({ id }) => numberIn(home(id).figure(label).value))
    expect([label, sum(each)]).toEqual([label, total])
  }
})

it('the projects due next are listed by date', () => {
  const due = (selector: string, view: Rendered) => view.attributes(`${selector} time`, 'datetime')
  const next = due('.due-next', home(ALL_DIVISIONS))
  const active = records.filter(({ status }) => status === 'Active').map((project) => project.due)
  expect(next).toEqual(active.sort().slice(0, next.length))
  expect(due('.projects', projects(ALL_DIVISIONS))).toEqual(expect.arrayContaining([...next]))
})
