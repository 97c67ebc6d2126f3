import type { VNode } from 'preact'
import { ViewHeading } from './view-heading.js'

interface NewProjectProps {
  /** 1 to 3. */
  readonly step: number
  readonly name: string
}

const titles = ['Name', 'Budget', 'Check']

/** A form in three steps. The step and the input belong to the tab: two tabs do not affect each other. */
export function NewProject({ step, name }: NewProjectProps): VNode {
  return (
    <div id="view-new" class="view">
      <ViewHeading title="New project">
        The step and the name belong to this tab: a second tab has its own, and a reload keeps them.
      </ViewHeading>
      <form id="new-project" class="card">
        <ol class="steps">
          {titles.map((title, i) => (
            <li key={title} aria-current={step === i + 1 ? 'step' : undefined}>
              {title}
            </li>
          ))}
        </ol>
        <fieldset hidden={step !== 1}>
          <label>
            Name <input name="name" value={name} maxLength={80} autocomplete="off" />
          </label>
        </fieldset>
        <fieldset hidden={step !== 2}>
          <p>A budget would be asked for here. This is a demo.</p>
        </fieldset>
        <fieldset hidden={step !== 3}>
          <p>
            Create <output name="summary">{name}</output>?
          </p>
        </fieldset>
        <p class="actions">
          <button type="button" name="back" class="button" disabled={step === 1}>
            Back
          </button>
          <button type="submit" name="next" class="button">
            {step === 3 ? 'Create' : 'Next'}
          </button>
        </p>
        <noscript>
          <p>The steps need a script.</p>
        </noscript>
      </form>
    </div>
  )
}
