import type { ComponentChildren, VNode } from 'preact'

interface KeyFiguresProps {
  readonly children: ComponentChildren
}

/** A row of cards, each with a figure. */
export function KeyFigures({ children }: KeyFiguresProps): VNode {
  return <dl class="key-figures">{children}</dl>
}

interface KeyFigureProps {
  readonly label: string
  readonly value: string
  readonly children: ComponentChildren
}

export function KeyFigure({ label, value, children }: KeyFigureProps): VNode {
  return (
    <div class="card key-figure">
      <dt>{label}</dt>
      <dd class="value">{value}</dd>
      <dd class="note">{children}</dd>
    </div>
  )
}
