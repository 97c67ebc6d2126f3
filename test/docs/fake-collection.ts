import { setImmediate } from 'node:timers/promises'

type Document = Readonly<Record<string, unknown>>

interface Update {
  readonly $set?: Document
  readonly $setOnInsert?: Document
  readonly $pull?: {
    readonly registers: { readonly value: { readonly $eq: string }; readonly stamp: { readonly $lt: number } }
  }
}

/** A connection to a collection of MongoDB, with the operations of the guide's store. Each is atomic, and others come between two of them. */
export class FakeCollection {
  readonly #documents: Map<unknown, Document>

  constructor(documents: Map<unknown, Document>) {
    this.#documents = documents
  }

  async findOne(filter: Document): Promise<Document | null> {
    await setImmediate()
    return copy(this.#match(filter) ?? null)
  }

  async *find(): AsyncGenerator<Document> {
    for (const { _id } of [...this.#documents.values()]) {
      const found = await this.findOne({ _id })
      if (found) yield found
    }
  }

  async updateOne(filter: Document, { $set, $setOnInsert, $pull }: Update, { upsert = false } = {}): Promise<object> {
    await setImmediate()
    const found = this.#match(filter)
    if (found === undefined) {
      if (upsert) this.#documents.set(filter['_id'], copy({ ...filter, ...$setOnInsert }))
      return { modifiedCount: 0, upsertedCount: Number(upsert) }
    }
    const next = { ...found, ...$set, ...($pull ? { registers: pulled(found, $pull.registers) } : {}) }
    this.#documents.set(found['_id'], copy(next))
    return { modifiedCount: Number(JSON.stringify(next) !== JSON.stringify(found)), upsertedCount: 0 }
  }

  async deleteOne(filter: Document): Promise<object> {
    await setImmediate()
    const found = this.#match(filter)
    return { deletedCount: Number(found !== undefined && this.#documents.delete(found['_id'])) }
  }

  #match(filter: Document): Document | undefined {
    const found = this.#documents.get(filter['_id'])
    return found && Object.entries(filter).every(([member, value]) => found[member] === value) ? found : undefined
  }
}

/** Unlike `structuredClone`, makes objects of the test's own realm, which `deepStrictEqual` expects. */
function copy<T>(document: T): T {
  return JSON.parse(JSON.stringify(document))
}

function pulled({ registers }: Document, { value, stamp }: NonNullable<Update['$pull']>['registers']): unknown {
  if (!Array.isArray(registers)) throw new TypeError('$pull needs an array')
  return registers.filter((each) => each.value !== value.$eq || each.stamp >= stamp.$lt)
}
