import type { ComponentChildren, VNode } from 'preact'

interface ViewHeadingProps {
  readonly title: string
  readonly children: ComponentChildren
}

/** The view's only h1, which gets the focus when the view is shown. */
export function ViewHeading({ title, children }: ViewHeadingProps): VNode {
  return (
    <div class="view-heading">
      <h1 tabIndex={-1}>{title}</h1>
      <p>{children}</p>
    </div>
  )
}
