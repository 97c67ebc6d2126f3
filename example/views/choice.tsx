import type { ComponentChildren, VNode } from 'preact'

export interface Option {
  readonly value: string
  readonly label: ComponentChildren
}

interface ChoiceProps {
  /** The field, and the path for a POST without a script. */
  readonly name: string
  readonly legend: string
  readonly value: string
  readonly options: readonly Option[]
}

/** A choice of a few values, as a segmented control. Browsers must not restore a former choice: the server may have a newer value. */
export function Choice({ name, legend, value, options }: ChoiceProps): VNode {
  return (
    <form id={`${name}-choice`} class="choice" method="post" action={`/${name}`} autocomplete="off" aria-label={legend}>
      <fieldset>
        <legend class="visually-hidden">{legend}</legend>
        <div class="segments">
          {options.map((option) => (
            <label key={option.value} class="segment">
              <input type="radio" name={name} value={option.value} checked={option.value === value} />
              <span>{option.label}</span>
            </label>
          ))}
        </div>
        <noscript>
          <button type="submit" class="button">
            Apply
          </button>
        </noscript>
      </fieldset>
    </form>
  )
}
