import type { VNode } from 'preact'
import { categories, YEAR } from '../data.js'
import { divisionLabel } from '../divisions.js'
import { type CostFigures, costFigures, wholePercents } from '../figures.js'
import { AgainstPlan } from './against-plan.js'
import { CostChart } from './cost-chart.js'
import { CostTable } from './cost-table.js'
import { money, percent } from './format.js'
import { KeyFigure, KeyFigures } from './key-figures.js'
import type { ViewProps } from './view.js'
import { ViewHeading } from './view-heading.js'

/** Where the money goes, month by month. */
export function Costs({ division }: ViewProps): VNode {
  const figures = costFigures(division)
  const { months, total } = figures
  const highest = months.reduce((most, month) => (month.total > most.total ? month : most))
  return (
    <div id="view-costs" class="view">
      <ViewHeading title="Costs">
        {divisionLabel(division)}, {YEAR}
      </ViewHeading>
      <KeyFigures>
        <KeyFigure label="Spent" value={money(total)}>
          {money(Math.round(total / months.length))} a month
        </KeyFigure>
        <AgainstPlan figures={figures} />
        <KeyFigure label="Highest month" value={highest.month}>
          {money(highest.total)}
        </KeyFigure>
      </KeyFigures>
      <div class="columns">
        <section class="card" aria-labelledby="months-heading">
          <div class="card-heading">
            <h2 id="months-heading">Costs against plan</h2>
          </div>
          <CostChart division={division} />
        </section>
        <section class="card" aria-labelledby="categories-heading">
          <div class="card-heading">
            <h2 id="categories-heading">By category</h2>
          </div>
          <Categories figures={figures} />
        </section>
      </div>
      <section class="card flush">
        <CostTable division={division} />
      </section>
    </div>
  )
}

interface CategoriesProps {
  readonly figures: CostFigures
}

function Categories({ figures: { byCategory, total } }: CategoriesProps): VNode {
  const percents = wholePercents(byCategory)
  return (
    <ul class="categories">
      {byCategory.map((amount, index) => (
        <li key={categories[index]} class={`series-${index + 1}`}>
          <span class="swatch">{categories[index]}</span>
          <span class="amount">{money(amount)}</span>
          <span class="share">{percent((percents[index] ?? 0) / 100)}</span>
          <progress value={amount} max={total} aria-hidden="true" />
        </li>
      ))}
    </ul>
  )
}
