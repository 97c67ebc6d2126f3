import { describe, expect, it } from '@jest/globals'
import { JSDOM } from 'jsdom'
import { defineFields } from 'koa-live-session/fields'
import { z } from 'zod'
import { App } from '../support/app.js'

const fields = defineFields({
  note: { schema: z.string(), default: '', client: 'write' },
  notes: { schema: z.record(z.string(), z.string()), default: {}, client: 'write' },
  secret: { schema: z.string(), default: '', client: 'hidden' },
})

/** Embeds a session with these values in a page that would run any script, and notes down what did. */
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
    ['a comment with a script, which would swallow the page', '<!--<script>'],
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
  ])('are inert, and arrive unchanged: %s', async (_, note) => {
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

  it('would be found out, were they not escaped', () => {
    const dom = new JSDOM('<script type="application/json">"</script><script>window.hacked = 1</script>"</script>', {
      runScripts: 'dangerously',
    })
    expect(dom.window['hacked']).toBe(1)
  })

  it('need neither a nonce nor a word in a strict Content-Security-Policy: nothing in them is to be run or loaded', async () => {
    const { dom } = await page('x')
    const script = dom.window.document.querySelector('script')
    // A script element of a type that is no JavaScript is a data block, which no policy concerns (HTML, 4.12.1).
    expect(script?.type).toBe('application/json')
    expect([script?.hasAttribute('src'), script?.hasAttribute('nonce'), script?.children.length]).toEqual([
      false,
      false,
      0,
    ])
  })
})
