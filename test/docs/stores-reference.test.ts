import { randomUUID } from 'node:crypto'
import { describe, it } from '@jest/globals'
import type { Store } from 'koa-live-session'
import { decodeRegister, encodeRegister, mergeRegisters, sweepRule } from 'koa-live-session/store'
import { storeContract } from 'koa-live-session/testing'
import { runSnippet } from '../support/docs/run-snippet.js'
import { FakeCollection } from './fake-collection.js'

const PAGE = 'docs/stores-reference.md'
const given = { randomUUID, decodeRegister, encodeRegister, mergeRegisters, sweepRule }
const mongoStore = runSnippet('mongo-store.ts', PAGE, given)['mongoStore'] as (subjects: FakeCollection) => Store

describe(`the store of ${PAGE} keeps the contract`, () => {
  const documents = new Map()
  for (const { name, run } of storeContract(async () => mongoStore(new FakeCollection(documents)))) it(name, run)
})
