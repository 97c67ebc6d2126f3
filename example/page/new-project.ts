import type { LiveSessionClient } from 'koa-live-session/client'

const LAST = 3

/** Advances the form of a new project from step to step, if the page has the form. */
export function bindNewProject(live: LiveSessionClient, tell: (text: string) => void): void {
  const form = document.querySelector<HTMLFormElement>('#new-project')
  if (!form) return
  const steps = form.querySelectorAll('.steps li')
  const parts = form.querySelectorAll('fieldset')
  const control = (name: string): Element | RadioNodeList | null => form.elements.namedItem(name)
  const input = control('name') as HTMLInputElement
  const back = control('back') as HTMLButtonElement
  const next = control('next') as HTMLButtonElement
  const summary = control('summary') as HTMLOutputElement
  const show = (step: number): void => {
    parts.forEach((part, i) => {
      part.hidden = i + 1 !== step
    })
    steps.forEach((one, i) => {
      one.ariaCurrent = i + 1 === step ? 'step' : null
    })
    back.disabled = step === 1
    next.textContent = step === LAST ? 'Create' : 'Next'
  }
  const keep = (saved: Promise<void>): void => {
    saved.catch((error: Error) => tell(`Not saved: ${error.message}`))
  }
  live.subscribe('step', show)
  live.subscribe('projectName', (name) => {
    summary.textContent = name || 'a project without a name'
    // Do not set the input while the visitor types: the caret would jump.
    if (input !== document.activeElement) input.value = name
  })
  input.addEventListener('input', () => keep(live.set('projectName', input.value)))
  back.addEventListener('click', () => keep(live.update('step', (step) => Math.max(1, step - 1))))
  form.addEventListener('submit', (event) => {
    event.preventDefault()
    if (live.get('step') < LAST) keep(live.update('step', (step) => step + 1))
    else {
      tell(`${live.get('projectName') || 'A project without a name'}: this is a demo, so nothing was created.`)
      keep(live.setMany({ projectName: '', step: 1 }))
    }
  })
}
