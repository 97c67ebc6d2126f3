import type { VNode } from 'preact'
import { categories, YEAR } from '../data.js'
import { costFigures } from '../figures.js'
import { thousands } from './format.js'

interface CostTableProps {
  readonly division: number
}

/** The figures of the chart as a table. */
export function CostTable({ division }: CostTableProps): VNode {
  const { months, byCategory, total } = costFigures(division)
  return (
    <div class="table-frame">
      <table class="costs">
        <caption>Costs in {YEAR}, in thousands of euros</caption>
        <thead>
          <tr>
            <th scope="col">Month</th>
            {categories.map((category) => (
              <th key={category} scope="col" class="amount">
                {category}
              </th>
            ))}
            <th scope="col" class="amount">
              Total
            </th>
          </tr>
        </thead>
        <tbody>
          {months.map((row) => (
            <tr key={row.month}>
              <th scope="row">{row.month}</th>
              <Amounts amounts={row.byCategory} total={row.total} />
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Year</th>
            <Amounts amounts={byCategory} total={total} />
          </tr>
        </tfoot>
      </table>
    </div>
  )
}

interface AmountsProps {
  readonly amounts: readonly number[]
  readonly total: number
}

function Amounts({ amounts, total }: AmountsProps): VNode {
  return (
    <>
      {amounts.map((amount, index) => (
        <td key={categories[index]} class="amount">
          {thousands(amount)}
        </td>
      ))}
      <td class="amount total">{thousands(total)}</td>
    </>
  )
}
