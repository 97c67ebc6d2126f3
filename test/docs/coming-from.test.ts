import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import { createLiveSession, type LiveSessionClient, type LiveSessionClientOptions } from 'koa-live-session/client'
import type { Fields } from 'koa-live-session/fields'
import Database from 'libsql'
import type { Socket } from 'socket.io-client'
import type { DocsServer } from '../support/docs-server.js'
import { bring, told } from '../support/hand-offs.js'
import { runSnippet } from '../support/run-snippet.js'
import { ends, socketOf, startDocs, visitorOf } from '../support/running-docs.js'
import { itRunsSnippetsOf } from '../support/runs-snippets.js'
import { nameOf } from '../support/users.js'
import type { Visitor } from '../support/visitor.js'
import { within } from '../support/within.js'

const PAGE = 'docs/coming-from.md'
const RIGHT = 'correct horse battery staple'

const start = (file: string): Promise<DocsServer> => startDocs(PAGE, file)

function heard(socket: Socket, event: string): Promise<void> {
  return new Promise((resolve) => socket.once(event, () => resolve()))
}

/** A tab: its socket, and the first event of that name which says so. */
function tab(visitor: Visitor, event = 'view'): { socket: Socket; shows(words: string): Promise<string> } {
  const socket = socketOf(visitor)
  const shown: string[] = []
  socket.on(event, (what: unknown) => shown.push(JSON.stringify(what)))
  const find = (words: string): string => shown.find((what) => what.includes(words)) ?? ''
  return {
    socket,
    shows: (words) =>
      within(
        async () => find(words),
        (what) => what !== '',
      ),
  }
}

/** A request that has its session, and goes on when it is told. */
async function noteUnderWay(visitor: Visitor, note: string): Promise<() => Promise<void>> {
  const headers = { cookie: visitor.cookie, 'content-length': note.length, expect: '100-continue' }
  const asked = request(new URL('/note', visitor.url), { method: 'POST', headers, agent: false })
  asked.flushHeaders()
  await once(asked, 'continue')
  return async () => {
    const answered = once(asked, 'response')
    asked.end(note)
    const [response] = await answered
    expect(response.statusCode).toBe(200)
    response.resume()
    await once(response, 'end')
  }
}

describe('the filter of docs/coming-from.md', () => {
  it('is in all tabs, the next request and after a restart, with the script of the page', async () => {
    const server = await start('filter.ts')
    writeFileSync(join(server.folder, 'page.js'), 'the bundle')
    const visitor = visitorOf(server)
    const html = await visitor.text('/')
    expect(html).toContain('Costs of all divisions')
    expect(await visitor.text('/page.js')).toBe('the bundle')
    const { window } = new JSDOM(html, { url: server.url })
    const { fetch: original } = globalThis
    Object.assign(globalThis, {
      document: window.document,
      fetch: (to: string | URL, init: RequestInit) =>
        typeof to === 'string' ? visitor.fetch(to, init) : original(to, init),
    })
    ends.push(() => {
      Object.assign(globalThis, { fetch: original })
      Reflect.deleteProperty(globalThis, 'document')
    })
    const clients: LiveSessionClient[] = []
    const { document, HTMLFormElement, FormData } = window
    const socket = socketOf(visitor)
    runSnippet('page.ts', PAGE, {
      createLiveSession: (options: LiveSessionClientOptions<Fields>) =>
        clients[clients.push(createLiveSession(options)) - 1],
      followAddress: () => () => undefined,
      followHandOffs: () => () => undefined,
      io: () => socket,
      ...{ document, HTMLFormElement, FormData },
    })
    ends.push(() => clients[0]?.close())
    await heard(socket, 'view')
    const other = tab(visitor)
    await other.shows('all divisions')
    document.querySelector<HTMLButtonElement>('[value="1"]')?.click()
    await other.shows('Costs of Sound')
    await within(
      async () => document.querySelector('h1')?.textContent,
      (title) => title === 'Costs of Sound',
    )
    other.socket.emit('filter', null)
    other.socket.emit('filter', { division: 'many' })
    // The view may come before the ticket.
    await within(
      async () => clients[0]?.status('division').status,
      (status) => status === 'saved',
    )
    await server.kill()
    await server.start()
    expect(await visitor.text('/')).toContain('<h1>Costs of Sound</h1>')
  })
})

describe('the filter of docs/coming-from.md without its script', () => {
  it('is chosen by the form, which the server is sent', async () => {
    const visitor = visitorOf(await start('filter.ts'))
    const headers = { accept: 'text/html', 'sec-fetch-dest': 'document', 'sec-fetch-mode': 'navigate' }
    const answer = await visitor.fetch('/?division=1', { headers })
    expect(await answer.text()).toContain('<h1>Costs of Sound</h1>')
    expect(await visitor.text('/')).toContain('<h1>Costs of Sound</h1>')
  })
})

describe('the first render of docs/coming-from.md', () => {
  it('has the value of the address, and the socket goes on with it', async () => {
    const visitor = visitorOf(await start('hello.ts'))
    expect(await visitor.text('/')).toContain('<main><h1>Good morning</h1>')
    expect(await visitor.text('/?locale=de')).toContain('<main><h1>Guten Tag</h1>')
    expect(await visitor.text('/?locale=fr')).toContain('<main><h1>Guten Tag</h1>')
    const { socket, shows } = tab(visitor)
    await shows('Guten Tag')
    socket.emit('choose', { locale: 'fr' })
    socket.emit('choose', { locale: 'en' })
    await shows('Good morning')
    expect(await visitor.text('/')).toContain('<main><h1>Good morning</h1>')
  })
})

describe('the session store of docs/coming-from.md', () => {
  it('by hand loses what a socket adds while a request is under way', async () => {
    const visitor = visitorOf(await start('by-hand.ts'))
    await visitor.text('/')
    const { socket, shows } = tab(visitor, 'cart')
    await heard(socket, 'connect')
    const finish = await noteUnderWay(visitor, 'by noon')
    socket.emit('add', { item: 'a lamp' })
    await shows('a lamp')
    await finish()
    expect(JSON.parse(await visitor.text('/'))).toEqual({ cart: [], note: 'by noon' })
  })

  it('with live.sessionStore() keeps what a request, and two sockets at once, have changed', async () => {
    const visitor = visitorOf(await start('cart.ts'))
    await visitor.text('/')
    const [one, two] = [tab(visitor), tab(visitor)]
    await Promise.all([one.shows('<ul></ul>'), two.shows('<ul></ul>')])
    const finish = await noteUnderWay(visitor, 'by noon')
    one.socket.emit('add', null)
    one.socket.emit('add', { item: 'a <lamp>' })
    two.socket.emit('add', { item: 'a chair' })
    for (const item of ['a &#60;lamp&#62;', 'a chair']) await Promise.all([one.shows(item), two.shows(item)])
    await finish()
    const html = await visitor.text('/')
    expect(html).toContain('<li>a &#60;lamp&#62;</li>')
    expect(html).toContain('<li>a chair</li>')
  })
})

describe('the settings of docs/coming-from.md', () => {
  it('are in the table, under the hash of the visitor, and in all tabs', async () => {
    const server = await start('settings.ts')
    const visitor = visitorOf(server)
    expect(await visitor.text('/')).toContain('You are anonymous')
    const [one, two] = [tab(visitor), tab(visitor)]
    await two.shows('anonymous')
    one.socket.emit('rename', { username: ' ' })
    one.socket.emit('rename', { username: ' Ann ' })
    await two.shows('You are Ann')
    const database = new Database(join(server.folder, 'settings.db'), { timeout: 1000 })
    ends.push(() => database.close())
    const rows = await within(
      async () => database.prepare('select subject, key, value from live_session_settings').all(),
      ({ length }) => length > 0,
    )
    expect(rows).toEqual([{ subject: `browser:${nameOf(visitor)}`, key: 'username', value: '"Ann"' }])
    await server.kill()
    await server.start()
    expect(await visitor.text('/')).toContain('You are Ann')
  })
})

describe('the sign-in of docs/coming-from.md', () => {
  it('signs in with what the socket hands over, once, and says so once', async () => {
    const visitor = visitorOf(await start('sign-in.ts'))
    expect(await visitor.text('/')).toContain('<form method="post"')
    const { socket, shows } = tab(visitor)
    socket.emit('sign-in', { name: 'ann', password: 'wrong' })
    await shows('That is not right')
    const handed = told({ io: socket })
    socket.emit('sign-in', { name: 'ann', password: RIGHT })
    const token = await handed
    const answer = await bring(visitor, token)
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/'])
    expect(await visitor.text('/')).toContain('<p role="status">Welcome</p>Signed in')
    await bring(visitor, token)
    expect(await visitor.text('/')).toContain('<main>Signed in</main>')
  })

  it('has a form that is right without a script, and tells a browser without a cookie what to do', async () => {
    const visitor = visitorOf(await start('sign-in.ts'))
    const { socket, shows } = tab(visitor)
    socket.emit('sign-in', { name: 'ann', password: RIGHT })
    await shows('Allow cookies')
    const body = new URLSearchParams({ name: 'ann', password: RIGHT })
    expect((await visitor.fetch('/sign-in', { method: 'POST', body })).status).toBe(303)
    expect(await visitor.text('/')).toContain('<form method="post"')
  })
})

describe(PAGE, () => {
  it('says in each of its five parts which limits it has', () => {
    const parts = readFileSync(PAGE, 'utf8').split(/^## (?=\d\. )/m)
    expect(parts.slice(1).map((part) => part.match(/^- \*\*What its limits are:\*\*/gm)?.length)).toEqual([
      1, 1, 1, 1, 1,
    ])
  })

  it('says right that of several first requests at once the browser keeps what the last one has set', async () => {
    const visitor = visitorOf(await start('hello.ts'))
    const [first, second] = await Promise.all(
      ['de', 'en'].map((locale) =>
        fetch(`${visitor.url}/?locale=${locale}`).then((answer) => answer.headers.getSetCookie()),
      ),
    )
    const ids = [first, second].map((cookies) => cookies?.map((cookie) => cookie.split(';')[0]).join('; ') ?? '')
    expect(ids[0]).not.toBe(ids[1])
    const texts = ids.map((cookie) => fetch(visitor.url, { headers: { cookie } }).then((answer) => answer.text()))
    expect((await Promise.all(texts)).map((text) => text.includes('Guten Tag'))).toEqual([true, false])
  })

  itRunsSnippetsOf(PAGE, 'page.ts', 'filter.ts', 'hello.ts', 'by-hand.ts', 'cart.ts', 'settings.ts', 'sign-in.ts')
})
