import type { VNode } from 'preact'
import { divisionLabel } from '../divisions.js'
import { projectFigures } from '../figures.js'
import { count, money, percent } from './format.js'
import { KeyFigure, KeyFigures } from './key-figures.js'
import { ProjectTable } from './project-table.js'
import type { ViewProps } from './view.js'
import { ViewHeading } from './view-heading.js'

/** Every project, with what it may cost and what it has cost. */
export function Projects({ division }: ViewProps): VNode {
  const { projects, active, atRisk, budget, spent } = projectFigures(division)
  return (
    <div id="view-projects" class="view">
      <ViewHeading title="Projects">
        {divisionLabel(division)}, {count(projects.length, 'project')}
      </ViewHeading>
      <KeyFigures>
        <KeyFigure label="Active" value={count(active.length, 'project')}>
          {count(atRisk.length, 'project')} at risk
        </KeyFigure>
        <KeyFigure label="Budget" value={money(budget)}>
          {money(Math.round(budget / projects.length))} a project
        </KeyFigure>
        <KeyFigure label="Left to spend" value={money(budget - spent)}>
          {percent(1 - spent / budget)} of the budget
        </KeyFigure>
      </KeyFigures>
      <section class="card flush">
        <ProjectTable projects={projects} />
      </section>
    </div>
  )
}
