import type { VNode } from 'preact'

/** The code that takes a change to a station. */
export interface SourceLinesProps {
  readonly file: string
  /** The number of its first line. */
  readonly line: number
  readonly text: string
}

/** Shows lines of the source, and where they stand. */
export function SourceLines({ file, line, text }: SourceLinesProps): VNode {
  return (
    <figure class="code" id="flow-code" aria-live="polite">
      <figcaption>
        {file}, line {line}
      </figcaption>
      <pre>{text}</pre>
    </figure>
  )
}
