import { afterEach, describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import { createLiveSession } from 'koa-live-session/client'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app/app.js'

const fields = defineFields({
  note: { schema: z.string(), default: '', client: 'write' },
  notes: { schema: z.record(z.string(), z.string()), default: {}, client: 'write' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})

/** Embeds this note in a page with scripts enabled. */
async function page(note: string): Promise<{ readonly html: string; readonly dom: JSDOM }> {
  const app = await App.start<typeof fields>({
    fields,
    routes: async (ctx) => {
      const { liveSession } = ctx
      await liveSession.setMany({ note, notes: { [note]: note }, secret: 'canary' })
      ctx.type = 'html'
      ctx.body = `<!doctype html><title>x</title><body><p id="before"></p>${liveSession.embed()}<p id="after"></p></body>`
    },
  })
  const html = await app.visitor().text('/')
  return { html, dom: new JSDOM(html, { runScripts: 'dangerously' }) }
}

describe('threat 36: values embedded in a page', () => {
  it.each([
    ['an end of the element', '</script><script>window.hacked = 1</script>'],
    ['an end in capitals and blanks', '</SCRIPT\t\n ><img src=x onerror="window.hacked = 1">'],
    ['half an end', '</scr'],
    ['a comment', '<!--'],
    ['a comment with a script', '<!--<script>'],
    ['an end of a comment', '-->'],
    ['CDATA', ']]><![CDATA['],
    ['separators of lines', '\u2028window.hacked = 1\u2029'],
    ['quotes', `"'\`"; window.hacked = 1; //`],
    ['backslashes', '\\u003c/script>\\"\\'],
    ['entities', '&lt;/script&gt;&quot;&amp;'],
    ['a prototype', '{"__proto__":{"hacked":1}}'],
    ['control characters', '\u0000\u0008\u001f\u007f\ufeff'],
    ['other scripts', '\ud83d\ude00\u202e\u0301'],
    ['a line of its own', '\r\n</script>\r\n'],
  ])('are inert and unchanged: %s', async (_, note) => {
    const { html, dom } = await page(note)
    const { document } = dom.window
    expect(dom.window['hacked']).toBeUndefined()
    expect(Array.from(document.body.children, ({ tagName, id }) => `${tagName} ${id}`)).toEqual([
      'P before',
      'SCRIPT live-session',
      'P after',
    ])
    const element = document.querySelector('#live-session')
    expect(Array.from(element?.attributes ?? [], ({ name, value }) => [name, value])).toEqual([
      ['type', 'application/json'],
      ['id', 'live-session'],
    ])
    const text = element?.textContent ?? ''
    expect(text).not.toMatch(/[<>&\u2028\u2029]/)
    expect(JSON.parse(text).values).toEqual({ note, notes: { [note]: note } })
    expect(html).not.toContain('canary')
  })

  it('would run as scripts without escaping', () => {
    const dom = new JSDOM('<script type="application/json">"</script><script>window.hacked = 1</script>"</script>', {
      runScripts: 'dangerously',
    })
    expect(dom.window['hacked']).toBe(1)
  })

  it('need no nonce under a strict Content-Security-Policy', async () => {
    const { dom } = await page('x')
    const script = dom.window.document.querySelector('script')
    // Policies ignore data blocks, which are scripts of other types (HTML, 4.12.1).
    expect(script?.type).toBe('application/json')
    expect([script?.hasAttribute('src'), script?.hasAttribute('nonce'), script?.children.length]).toEqual([
      false,
      false,
      0,
    ])
  })
})

describe('threat 58: an element with the id of embed() earlier in the page', () => {
  const live: { close(): void }[] = []
  afterEach(() => {
    for (const one of live.splice(0)) one.close()
    Reflect.deleteProperty(globalThis, 'document')
  })

  /** Returns the initial note of a page with this HTML ahead of the server's. */
  async function begin(ahead: string): Promise<unknown> {
    const { html } = await page('the server’s')
    const { document } = new JSDOM(html.replace('<body>', `<body>${ahead}`)).window
    Object.assign(globalThis, { document })
    const opened = createLiveSession<typeof fields>({ endpoint: 'http://127.0.0.1:1/store_session' })
    live.push(opened)
    try {
      return opened.get('note')
    } catch (error) {
      return error
    }
  }

  const FAKE = JSON.stringify({
    values: { note: 'a stranger’s' },
    defaults: {},
    stamps: { note: 9e15 },
    subject: 'x',
    epoch: 0,
  })

  it.each([
    ['a heading of Markdown', '<h2 id="live-session">Live session</h2>'],
    ['a div, which sanitizers accept', `<div id="live-session">${FAKE}</div>`],
    ['a template', `<template id="live-session">${FAKE}</template>`],
    ['a script of another type', `<script type="text/plain" id="live-session">${FAKE}</script>`],
    ['an inert script of the app’s own', `<script type="application/json" id="other">${FAKE}</script>`],
  ])('has no effect: %s', async (_, ahead) => {
    expect(await begin(ahead)).toBe('the server’s')
  })

  it('makes reads throw if both elements are inert scripts', async () => {
    expect(await begin(`<script type="application/json" id="live-session">${FAKE}</script>`)).toBeInstanceOf(Error)
  })
})
