import { expect, it } from '@jest/globals'
import { html } from '../../../../server/features/inspector/html.js'

it.each([
  ['<b>', '&lt;b&gt;'],
  [`"'&`, '&quot;&#39;&amp;'],
  ['&lt;', '&amp;lt;'],
  ['a\nb\u0000', 'a\\u000ab\\u0000'],
  ['\u202egnp.exe', '\\u202egnp.exe'],
  ['\ud800', '\\ud800'],
  ['äöü 🍵', 'äöü 🍵'],
])('html escapes %j', (text, escaped) => {
  expect(String(html`<i title="${text}">${text}</i>`)).toBe(`<i title="${escaped}">${escaped}</i>`)
})

it('html keeps its own markup, and omits undefined and false', () => {
  const items = ['a', '<b>'].map((item) => html`<li>${item}</li>`)
  expect(String(html`<ul>${items}${undefined}${false}</ul>${0}`)).toBe('<ul><li>a</li><li>&lt;b&gt;</li></ul>0')
})
