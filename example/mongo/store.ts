// A store in MongoDB 5 or newer, with the package `mongodb`. Each subject is a document of at most 16 MB, each write expects the version that
// it has read, and a sweep reads all documents.

import { randomUUID } from 'node:crypto'
import type { EncodedRegister, Store } from 'koa-live-session/store'
import { decodeRegister, encodeRegister, mergeRegisters, sweepRule } from 'koa-live-session/store'
import type { Collection } from 'mongodb'

type Registers = readonly EncodedRegister[]
interface Subject {
  readonly _id: string
  readonly version: string
  readonly lastUse: number
  readonly registers: Registers
}

const HOUR = 60 * 60 * 1000
const ENDS = new Set(['$epoch', '$generation'])

export function mongoStore(subjects: Collection<Subject>): Store {
  /** Edits the registers of a subject, again if another process has written meanwhile. Writes nothing for undefined. */
  async function edit(_id: string, change: (registers: Registers) => Registers | undefined): Promise<Registers> {
    for (;;) {
      const found = await subjects.findOne({ _id })
      const stored = found?.registers ?? []
      const registers = change(stored)
      if (registers === undefined) return stored
      const next = { version: randomUUID(), lastUse: Date.now(), registers }
      const { modifiedCount, upsertedCount } = found
        ? await subjects.updateOne({ _id, version: found.version }, { $set: next })
        : await subjects.updateOne({ _id }, { $setOnInsert: next }, { upsert: true })
      if (modifiedCount + upsertedCount > 0) return registers
    }
  }

  return {
    async load(_id) {
      const { lastUse = 0, registers = [] } = (await subjects.findOne({ _id })) ?? {}
      const now = Date.now()
      if (registers.length > 0 && lastUse <= now - HOUR) await subjects.updateOne({ _id }, { $set: { lastUse: now } })
      return registers.map(decodeRegister)
    },
    async merge(subject, written) {
      if (written.length === 0) return []
      const registers = await edit(subject, (stored) => mergeRegisters(stored, written.map(encodeRegister)))
      const keys = new Set(written.map(({ key }) => key))
      return registers.filter(({ key }) => keys.has(key)).map(decodeRegister)
    },
    async compareAndSet(subject, register, expected) {
      let isExpected = false
      await edit(subject, (stored) => {
        const others = stored.filter(({ key }) => key !== register.key)
        const { stamp = 0 } = stored.find(({ key }) => key === register.key) ?? {}
        isExpected = stamp === expected
        return isExpected ? [...others, encodeRegister(register)] : undefined
      })
      return isExpected
    },
    async remove(_id) {
      await subjects.deleteOne({ _id })
    },
    async removeValues(subject) {
      await edit(subject, (stored) => (stored.length > 0 ? stored.filter(({ key }) => ENDS.has(key)) : undefined))
    },
    async prune(_id, before) {
      const deleted = { value: { $eq: '' }, stamp: { $lt: before } }
      await subjects.updateOne({ _id }, { $pull: { registers: deleted }, $set: { version: randomUUID() } })
    },
    async sweep(before, limits) {
      const { keep } = sweepRule(before, limits, { now: Date.now(), lag: HOUR })
      let swept = 0
      for await (const { _id, version, lastUse, registers } of subjects.find()) {
        const left = keep(_id, registers, lastUse)
        const unused = { _id, version, lastUse }
        if (left.length === 0) swept += (await subjects.deleteOne(unused)).deletedCount
        else if (left.length < registers.length)
          swept += (await subjects.updateOne(unused, { $set: { version: randomUUID(), registers: left } }))
            .modifiedCount
      }
      return swept
    },
    async close() {},
  }
}
