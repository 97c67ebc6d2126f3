// biome-ignore-all lint/a11y/noRedundantRoles: Safari no longer exposes a table as such if it is laid out as a grid
import type { VNode } from 'preact'
import { divisionLabel } from '../divisions.js'
import type { Project } from '../projects.js'
import { date, money, percent } from './format.js'

interface ProjectTableProps {
  readonly projects: readonly Project[]
}

/** On a phone each row becomes a card. */
export function ProjectTable({ projects }: ProjectTableProps): VNode {
  return (
    <table class="projects" role="table">
      <caption>Budgets and progress</caption>
      <thead role="rowgroup">
        <tr role="row">
          <Column name="Project" />
          <Column name="Division" />
          <Column name="Status" />
          <Column name="Budget" isAmount />
          <Column name="Spent" isAmount />
          <Column name="Progress" />
          <Column name="Due" isAmount />
        </tr>
      </thead>
      <tbody role="rowgroup">
        {projects.map((project) => (
          <ProjectRow key={project.name} project={project} />
        ))}
      </tbody>
    </table>
  )
}

interface ColumnProps {
  readonly name: string
  readonly isAmount?: boolean
}

function Column({ name, isAmount = false }: ColumnProps): VNode {
  return (
    <th scope="col" role="columnheader" class={isAmount ? 'amount' : ''}>
      {name}
    </th>
  )
}

interface ProjectRowProps {
  readonly project: Project
}

function ProjectRow({ project }: ProjectRowProps): VNode {
  const { name, client, division, status, budget, spent, concern, due, progress } = project
  return (
    <tr role="row">
      <th scope="row" role="rowheader">
        {name}
        <span class="client">{client}</span>
      </th>
      <td role="cell" data-label="Division">
        {divisionLabel(division)}
      </td>
      <td role="cell" data-label="Status">
        <span class={`status ${status.toLowerCase().replace(' ', '-')}`}>{status}</span>
      </td>
      <td role="cell" data-label="Budget" class="amount">
        {money(budget)}
      </td>
      <td role="cell" data-label="Spent" class="amount">
        {money(spent)}
        <span class={concern ? 'share over' : 'share'}>
          {percent(spent / budget)}
          {concern && `, ${concern}`}
        </span>
      </td>
      <td role="cell" data-label="Progress">
        <span class="progress">
          <progress value={progress} max={100} aria-label={`Progress of ${name}`} />
          {percent(progress / 100)}
        </span>
      </td>
      <td role="cell" data-label="Due" class="amount">
        <time dateTime={due}>{date(due)}</time>
      </td>
    </tr>
  )
}
