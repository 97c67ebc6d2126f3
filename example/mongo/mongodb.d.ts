/** The members of the driver that store.ts uses, because the driver itself would add ten packages to the installation. */
declare module 'mongodb' {
  type Condition<T> = { readonly $eq: T } | { readonly $lt: T }
  type Filter<T> = { readonly [Member in keyof T]?: T[Member] }
  type Item<T> = T extends readonly (infer Each)[]
    ? { readonly [Member in keyof Each]?: Condition<Each[Member]> }
    : never

  export interface UpdateResult {
    readonly modifiedCount: number
    readonly upsertedCount: number
  }

  export interface Collection<T> {
    findOne(filter: Filter<T>): Promise<T | null>
    find(): AsyncIterable<T>
    updateOne(
      filter: Filter<T>,
      update: {
        readonly $set?: Partial<T>
        readonly $setOnInsert?: Partial<T>
        readonly $pull?: { readonly [Member in keyof T]?: Item<T[Member]> }
      },
      options?: { readonly upsert?: boolean },
    ): Promise<UpdateResult>
    deleteOne(filter: Filter<T>): Promise<{ readonly deletedCount: number }>
  }
}
