import type { VNode } from 'preact'
import { AS_OF } from '../data.js'
import { divisionLabel } from '../divisions.js'
import { costFigures, projectFigures } from '../figures.js'
import { AgainstPlan } from './against-plan.js'
import { CostChart } from './cost-chart.js'
import { CostTable } from './cost-table.js'
import { DueNext } from './due-next.js'
import { count, date, money, percent } from './format.js'
import { KeyFigure, KeyFigures } from './key-figures.js'
import type { ViewProps } from './view.js'
import { ViewHeading } from './view-heading.js'

/** How the studio is doing, at a glance. */
export function Home({ division }: ViewProps): VNode {
  const { projects, active, atRisk, budget, spent, percentSpent } = projectFigures(division)
  return (
    <div id="view-home" class="view">
      <ViewHeading title="Home">
        {divisionLabel(division)}, as of {date(AS_OF)}
      </ViewHeading>
      <KeyFigures>
        <KeyFigure label="Budget" value={money(budget)}>
          {count(projects.length, 'project')}, {active.length} active
        </KeyFigure>
        <KeyFigure label="Spent" value={money(spent)}>
          <progress value={spent} max={budget} aria-hidden="true" />
          {percent(percentSpent / 100)} of the budget
        </KeyFigure>
        <AgainstPlan figures={costFigures(division)} />
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
