// Finds the script of `embed()` in the document.

import { EMBED_ID } from '../../shared/protocol.js'

/** Selects the scripts of `embed()`. User content may add other elements with this id (a heading, a comment), but no script. */
export const EMBEDS: string = `script#${EMBED_ID}[type$=json]`

/** Returns the text of `embed()`; undefined if there are several scripts, because any of them may be forged. */
export function embedded(): string | undefined {
  const [script, second] = globalThis.document?.querySelectorAll(EMBEDS) ?? []
  return second ? undefined : script?.innerHTML
}
