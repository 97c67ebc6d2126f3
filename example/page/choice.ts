/** Makes a segmented control apply a choice immediately, without its button. Returns a function for setting the shown value. */
export function bindChoice(form: HTMLFormElement, choose: (value: string) => void): (value: string) => void {
  const inputs = [...form.querySelectorAll('input')]
  // Browsers restore nothing here (autocomplete="off"), so a difference is a choice made while the script was loading.
  const early = inputs.find(({ checked, defaultChecked }) => checked && !defaultChecked)
  if (early) choose(early.value)
  form.addEventListener('change', ({ target }) => {
    if (target instanceof HTMLInputElement) choose(target.value)
  })
  return (value) => {
    for (const input of inputs) input.checked = input.value === value
  }
}
