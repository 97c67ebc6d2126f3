import NodeCache from 'node-cache'

/** A plain store of things by name, without bounds of its own. */
export interface Shelf<V> {
  readonly size: number
  get(name: string): V | undefined
  set(name: string, thing: V): unknown
  delete(name: string): unknown
  clear(): void
  entries(): Iterable<readonly [name: string, thing: V]>
}

/** A shelf on node-cache: leanest for a million small objects whose names we choose. */
export class NodeCacheShelf<V> implements Shelf<V> {
  // Names start with `user:` or `browser:`: node-cache would find inherited members under names like `constructor`.
  readonly #cache = new NodeCache({ useClones: false, checkperiod: 0 })

  get size(): number {
    return this.#cache.getStats().keys
  }

  get(name: string): V | undefined {
    return this.#cache.get<V>(name)
  }

  set(name: string, thing: V): void {
    this.#cache.set(name, thing)
  }

  delete(name: string): void {
    this.#cache.del(name)
  }

  clear(): void {
    this.#cache.flushAll()
  }

  *entries(): Generator<readonly [name: string, thing: V]> {
    for (const name of this.#cache.keys()) {
      const thing = this.#cache.get<V>(name)
      if (thing !== undefined) yield [name, thing]
    }
  }
}
