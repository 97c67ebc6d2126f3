/// <reference path="../../example/mongo/mongodb.d.ts" />
import { describe, it } from '@jest/globals'
import { storeContract } from 'koa-live-session/testing'
import { mongoStore } from '../../example/mongo/store.js'
import { FakeCollection } from './fake-collection.js'

describe('the store of docs/stores-reference.md for MongoDB keeps the contract', () => {
  const documents = new Map()
  // The stand-in knows no types of documents.
  const subjects = (): Parameters<typeof mongoStore>[0] => new FakeCollection(documents) as never
  for (const { name, run } of storeContract(async () => mongoStore(subjects()))) it(name, run)
})
