import type { Change, Filter } from './filter.js'

const nav = document.querySelector('nav')
const selects = [...(nav?.querySelectorAll('select') ?? [])]

export function show(filter: Change): void {
  const shown: Readonly<Record<string, string | undefined>> = filter
  for (const select of selects) select.value = shown[select.name] ?? select.value
  for (const row of document.querySelectorAll('li'))
    row.hidden = !selects.every(({ name, value }) => ['all', row.dataset[name]].includes(value))
}

export function onChoice(listener: (key: keyof Filter, value: never) => void): void {
  for (const select of selects)
    select.addEventListener('change', () => {
      show({})
      listener(select.name as keyof Filter, select.value as never)
    })
}

export function say(status: string): void {
  nav?.querySelector('[role=status]')?.replaceChildren(status)
}
