import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { compile } from '../support/compile.js'
import { snippet, snippetUnder } from '../support/readme.js'

let folder: string

describe('the README', () => {
  beforeAll(() => {
    mkdirSync('.cache', { recursive: true })
    folder = mkdtempSync(resolve('.cache/readme-'))
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  })
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true })
  })

  it.each([
    [
      'Declaring values',
      "import { defineFields } from 'koa-live-session/fields'\nimport { z } from 'zod'\nexport const fields = ",
    ],
    [
      'In the address',
      "import { defineFields } from 'koa-live-session/fields'\nimport { z } from 'zod'\nexport const fields = ",
    ],
    [
      'Users',
      `import Router from '@koa/router'
      import Koa from 'koa'
      import session from 'koa-session'
      import { Server } from 'socket.io'
      import { liveSession } from 'koa-live-session'
      import { fields } from './fields.js'
      const [app, io, router] = [new Koa(), new Server(), new Router()]
      const check = async (_: object): Promise<string> => 'ann'
      `,
    ],
    [
      'Your own ctx.session',
      `import Koa from 'koa'
      import session from 'koa-session'
      import { Server } from 'socket.io'
      import { liveSession } from 'koa-live-session'
      import { fields } from './fields.js'
      const [app, io] = [new Koa(), new Server()]
      const live = liveSession(app, { fields })
      `,
    ],
    [
      'Several processes, and a database',
      `import { createAdapter } from '@socket.io/redis-streams-adapter'
      import Koa from 'koa'
      import { liveSession } from 'koa-live-session'
      import { redisStore } from 'koa-live-session/redis'
      import { createClient } from 'redis'
      import { Server } from 'socket.io'
      import { fields } from './fields.js'
      const app = new Koa()
      `,
    ],
  ])('has a snippet under "%s" that compiles', (heading, imports) => {
    const at = join(folder, heading.slice(0, 5))
    mkdirSync(at)
    writeFileSync(join(at, 'fields.ts'), snippet('fields.ts'))
    writeFileSync(join(at, 'under.ts'), imports + snippetUnder(heading))
    // What other middleware gives a context, an app of the strictest settings has to declare.
    const settings = { noPropertyAccessFromIndexSignature: false }
    expect(compile([relative('.', join(at, 'under.ts'))], settings)).toEqual([])
  })

  it.each([
    ['react', ['app.tsx', 'browser.tsx', 'server.tsx']],
    ['vue', ['app.ts', 'browser.ts', 'server.ts']],
  ])('has snippets for %s that compile, in the app of the quick start', (framework, names) => {
    const at = join(folder, framework)
    mkdirSync(at)
    writeFileSync(join(at, 'fields.ts'), snippet('fields.ts'))
    writeFileSync(join(at, 'main.ts'), snippet('server.ts'))
    for (const name of names) writeFileSync(join(at, name), snippet(`${framework}/${name}`))
    const files = ['main.ts', ...names].map((name) => relative('.', join(at, name)))
    expect(compile(files, { jsxImportSource: 'react' })).toEqual([])
  })
})

it('docs/stores.md has snippets that compile', () => {
  const at = mkdtempSync(resolve('.cache/stores-'))
  writeFileSync(join(at, 'package.json'), '{ "type": "module" }')
  const names = ['redis.ts', 'ioredis.ts', 'cluster.ts', 'own-store.test.ts']
  for (const name of names) writeFileSync(join(at, name), snippet(name, 'docs/stores.md'))
  const problems = compile(names.map((name) => relative('.', join(at, name))))
  rmSync(at, { recursive: true, force: true })
  expect(problems).toEqual([])
})
