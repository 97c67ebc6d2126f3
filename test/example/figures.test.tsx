import { describe, expect, it } from '@jest/globals'
import { AS_OF, records, YEAR } from '../../example/data.js'
import { ALL_DIVISIONS, divisions } from '../../example/divisions.js'
import { projects as projectsWithFigures } from '../../example/projects.js'
import { Costs } from '../../example/views/costs.js'
import { Home } from '../../example/views/home.js'
import { Projects } from '../../example/views/projects.js'
import { numberIn, Rendered } from '../support/rendered.js'

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

  it('agree on the plan on Home and Costs', () => {
    expect(home(id).figure('Against plan')).toEqual(costs(id).figure('Against plan'))
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

  it('name the month with the largest total as the highest', () => {
    const view = costs(id)
    const months = view.rows('.costs tbody').map((row) => ({ month: row[0], total: numberIn(row.at(-1) ?? '') }))
    const highest = months.reduce((most, month) => (month.total > most.total ? month : most))
    expect(view.figure('Highest month').value).toBe(highest.month)
    expect(numberIn(view.figure('Highest month').note)).toBe(Math.round(highest.total * 1000))
  })

  it('count the listed projects and those marked at risk', () => {
    const view = projects(id)
    const rows = view.texts('.projects tbody tr')
    expect(numberIn(home(id).figure('Budget').note)).toBe(rows.length)
    expect(numberIn(view.figure('Active').value)).toBe(view.texts('.status.active').length)
    const marked = view.texts('[data-label=Spent]').filter((text) => text.includes('at risk'))
    expect(numberIn(home(id).figure('At risk').value)).toBe(marked.length)
    expect(numberIn(view.figure('Active').note)).toBe(marked.length)
  })

  it('mark exactly the projects over budget', () => {
    for (const row of projects(id).rows('.projects tbody')) {
      const [budget = '', spent = ''] = row.slice(3, 5)
      expect([row[0], spent.includes('over budget')]).toEqual([row[0], numberIn(spent) > numberIn(budget)])
    }
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

describe('each project', () => {
  it.each(records)('$name has progress that matches its status', ({ status, progress, thousands }) => {
    expect(progress === 100).toBe(status === 'Done')
    expect(progress === 0).toBe(status === 'Planned')
    expect(thousands.length === 0).toBe(status === 'Planned')
  })

  it.each(projectsWithFigures)('$name has its whole budget planned if due this year', (project) => {
    const planned = project.plan.reduce((total, plan) => total + plan, 0)
    expect(planned <= project.budget).toBe(true)
    expect(planned === project.budget).toBe(project.due <= AS_OF)
  })

  it.each(records)('$name has categories that add up to 100 %', ({ mix }) => {
    expect(sum(mix)).toBe(100)
  })
})
