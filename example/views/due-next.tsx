import type { VNode } from 'preact'
import type { Project } from '../projects.js'
import { capitalized, date } from './format.js'

const SHOWN = 6

interface DueNextProps {
  readonly projects: readonly Project[]
}

/** The projects due next. */
export function DueNext({ projects }: DueNextProps): VNode {
  const next = [...projects].sort((a, b) => a.due.localeCompare(b.due)).slice(0, SHOWN)
  return (
    <ul class="due-next">
      {next.map((project) => (
        <li key={project.name}>
          <div>
            <span class="name">{project.name}</span>
            {project.concern && <span class="risk">{capitalized(project.concern)}</span>}
          </div>
          <time dateTime={project.due}>{date(project.due)}</time>
          <progress value={project.progress} max={100} aria-label={`Progress of ${project.name}`} />
        </li>
      ))}
    </ul>
  )
}
