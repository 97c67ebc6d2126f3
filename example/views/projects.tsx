import type { VNode } from 'preact'
import { AS_OF } from '../data.js'
import { divisionLabel } from '../divisions.js'
import { projectFigures } from '../figures.js'
import { count, date, money, percent } from './format.js'
import { KeyFigure, KeyFigures } from './key-figures.js'
import { ProjectTable } from './project-table.js'
import type { ViewProps } from './view.js'
import { ViewHeading } from './view-heading.js'

/** Every project, with its budget and its costs. */
export function Projects({ division }: ViewProps): VNode {
  const { projects, active, atRisk, budget, spent, percentSpent } = projectFigures(division)
  return (
    <div id="view-projects" class="view">
      <ViewHeading title="Projects">
        {divisionLabel(division)}, as of {date(AS_OF)}
      </ViewHeading>
      <KeyFigures>
        <KeyFigure label="Active" value={count(active.length, 'project')}>
          {count(atRisk.length, 'project')} at risk
        </KeyFigure>
        <KeyFigure label="Budget" value={money(budget)}>
          {count(projects.length, 'project')}
        </KeyFigure>
        <KeyFigure label="Left of the budget" value={money(budget - spent)}>
          {percent(1 - percentSpent / 100)} of what was granted
        </KeyFigure>
      </KeyFigures>
      <section class="card flush">
        <ProjectTable projects={projects} />
      </section>
      <p>
        <a href="/new" class="button">
          New project
        </a>
      </p>
    </div>
  )
}
