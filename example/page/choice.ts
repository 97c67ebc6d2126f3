/** Makes a segmented control choose at once, without its button; returns what shows a value in it. */
export function bindChoice(form: HTMLFormElement, choose: (value: string) => void): (value: string) => void {
  const inputs = [...form.querySelectorAll('input')]
  form.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement) choose(target.value)
  })
  return (value) => {
    for (const input of inputs) input.checked = input.value === value
  }
}
