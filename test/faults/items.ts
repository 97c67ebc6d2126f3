/** Counts the outcomes of items in carts. */
export class Items {
  rounds = 0
  added = 0
  saved = 0
  /** Missing, duplicate and rejected items, with their rounds. */
  readonly lost: string[] = []
  readonly twice: string[] = []
  readonly rejected: string[] = []

  /** Compares the items with a cart. */
  check(name: string, items: readonly string[], cart: readonly string[]): void {
    const lost = items.filter((item) => !cart.includes(item))
    if (lost.length > 0) this.lost.push(`${name}: without ${lost.join()}, with ${cart.join()}`)
    if (new Set(cart).size < cart.length) this.twice.push(`${name}: ${cart.join()}`)
  }

  toString(): string {
    const { lost, twice, rejected, ...counts } = this
    return JSON.stringify({ ...counts, lost: lost.length, twice: twice.length, rejected: rejected.length })
  }
}
