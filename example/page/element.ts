/** The element of that id and kind, which the page is known to have. */
export function element<E extends Element>(id: string, kind: new () => E): E {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new TypeError(`the page lacks #${id}`)
}
