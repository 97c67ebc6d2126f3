import type { LiveSessionClient, Status } from 'koa-live-session/client'
import { liveSessionPlugin, useLiveSession } from 'koa-live-session/vue'
import { type App, createSSRApp, defineComponent, h, type VNode, type WritableComputedRef } from 'vue'
import { MAX_NOTE, papers, sizes } from './choices.js'
// Types only: no schema library in the browser.
import type {} from './fields.js'

const WORST_FIRST: readonly Status[] = ['rejected', 'offline', 'saving', 'unknown', 'saved', 'default']
const WORDS: Readonly<Record<Status, string>> = {
  unknown: 'Asking whose page this is …',
  default: 'Our suggestion: choose your own',
  saved: 'Saved',
  saving: 'Saving …',
  offline: 'Offline: kept here until the server is back',
  rejected: 'Not saved',
}

/** The app: rendered by the server for each visitor, and hydrated by the browser. */
export function createApp(live: LiveSessionClient): App {
  return createSSRApp(Page).use(liveSessionPlugin(live))
}

/** Prevents a reload of the page by Enter in a text field. */
const stay = (event: Event): void => event.preventDefault()

const Page = defineComponent(() => () => [
  h('h1', 'A page to read'),
  h('form', { autocomplete: 'off', onSubmit: stay }, [h(Look), h(Note)]),
  h(Progress),
  h(Preview),
  h('p', { class: 'hint' }, 'Open this page in a second tab: it follows. Reload it, or restart the server: it stays.'),
  h(
    'button',
    { type: 'button', class: 'restart', onClick: () => fetch('/restart', { method: 'POST' }).catch(() => undefined) },
    'Restart the server',
  ),
])

const Look = defineComponent(() => {
  const { value: paper } = useLiveSession('paper')
  const { value: size } = useLiveSession('size')
  return () => [radios('Paper', papers, paper), radios('Text', sizes, size)]
})

const Note = defineComponent(() => {
  const { value: note } = useLiveSession('note')
  const onInput = ({ target }: Event): void => {
    if (target instanceof HTMLInputElement) note.value = target.value
  }
  return () =>
    h('fieldset', [
      h('legend', 'Note'),
      h('input', { type: 'text', 'aria-label': 'Note', maxlength: MAX_NOTE, value: note.value, onInput }),
    ])
})

const Progress = defineComponent(() => {
  const statuses = (['paper', 'size', 'note'] as const).map((key) => useLiveSession(key).status)
  return () => {
    const status = WORST_FIRST.find((one) => statuses.some(({ value }) => value === one)) ?? 'default'
    return h('p', { role: 'status', 'data-status': status }, WORDS[status])
  }
})

const Preview = defineComponent(() => {
  const { value: paper } = useLiveSession('paper')
  const { value: size } = useLiveSession('size')
  const { value: note } = useLiveSession('note')
  return () =>
    h(
      'blockquote',
      { 'data-paper': paper.value, 'data-size': size.value },
      note.value ? h(Quote) : 'Nothing noted yet.',
    )
})

const Quote = defineComponent(() => {
  const { value: note } = useLiveSession('note')
  return () => h('q', note.value)
})

function radios<V extends string>(legend: string, options: readonly V[], chosen: WritableComputedRef<V, V>): VNode {
  const radio = (value: V): VNode =>
    h('input', {
      type: 'radio',
      name: legend,
      value,
      checked: chosen.value === value,
      onChange: () => {
        chosen.value = value
      },
    })
  return h('fieldset', [h('legend', legend), ...options.map((option) => h('label', [radio(option), option]))])
}
