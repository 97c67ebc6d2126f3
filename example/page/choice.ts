/** Makes a segmented control choose at once, without its button, even if it was set before; returns a function that shows a value in it. */
export function bindChoice(form: HTMLFormElement, choose: (value: string) => void): (value: string) => void {
  const inputs = [...form.querySelectorAll('input')]
  // Browsers restore nothing here (autocomplete="off"), so the visitor chose it while the script was loading.
  const early = inputs.find(({ checked, defaultChecked }) => checked && !defaultChecked)
  if (early) choose(early.value)
  form.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement) choose(target.value)
  })
  return (value) => {
    for (const input of inputs) input.checked = input.value === value
  }
}
