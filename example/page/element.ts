/** Returns the element with this id and class, which the page must have. */
export function element<E extends Element>(id: string, kind: new () => E): E {
  const found = document.getElementById(id)
  if (found instanceof kind) return found
  throw new TypeError(`the page lacks #${id}`)
}
