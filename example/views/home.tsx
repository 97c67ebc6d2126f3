import type { VNode } from 'preact'
import { YEAR } from '../data.js'
import { divisionLabel } from '../divisions.js'
import { costFigures, projectFigures } from '../figures.js'
import { CostChart } from './cost-chart.js'
import { CostTable } from './cost-table.js'
import { DueNext } from './due-next.js'
import { count, money, percent, share } from './format.js'
import { KeyFigure, KeyFigures } from './key-figures.js'
import type { ViewProps } from './view.js'
import { ViewHeading } from './view-heading.js'

/** How the studio is doing, at a glance. */
export function Home({ division }: ViewProps): VNode {
  const { projects, active, atRisk, budget, spent } = projectFigures(division)
  const { months, total, plan } = costFigures(division)
  const overPlan = total / (plan * months.length) - 1
  return (
    <div id="view-home" class="view">
      <ViewHeading title="Home">
        {divisionLabel(division)}, January to December {YEAR}
      </ViewHeading>
      <KeyFigures>
        <KeyFigure label="Budget" value={money(budget)}>
          {count(projects.length, 'project')}, {active.length} active
        </KeyFigure>
        <KeyFigure label="Spent" value={money(spent)}>
          <progress value={spent} max={budget} aria-hidden="true" />
          {percent(spent / budget)} of the budget
        </KeyFigure>
        <KeyFigure label={`Costs ${YEAR}`} value={money(total)}>
          <span class={overPlan > 0 ? 'trend over' : 'trend under'}>{share(Math.abs(overPlan))}</span>
          {overPlan > 0 ? ' over plan' : ' under plan'}
        </KeyFigure>
        <KeyFigure label="At risk" value={count(atRisk.length, 'project')}>
          {atRisk.length === 0 ? 'Spending keeps pace with the work' : atRisk.map(({ name }) => name).join(', ')}
        </KeyFigure>
      </KeyFigures>
      <div class="columns">
        <section class="card" aria-labelledby="costs-heading">
          <div class="card-heading">
            <h2 id="costs-heading">Costs against plan</h2>
            <a href="/costs">All costs</a>
          </div>
          <CostChart division={division} />
          <details id="figures" class="figures">
            <summary>Show the figures</summary>
            <CostTable division={division} />
          </details>
        </section>
        <section class="card" aria-labelledby="due-heading">
          <div class="card-heading">
            <h2 id="due-heading">Due next</h2>
            <a href="/projects">All projects</a>
          </div>
          <DueNext projects={active} />
        </section>
      </div>
    </div>
  )
}
