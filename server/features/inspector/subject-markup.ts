// Renders subjects, their values and the action forms of the inspector's page.

import { type Html, html, timeMarkup } from './html.js'
import type { NodeSnapshot, SubjectSnapshot, ValueSnapshot } from './snapshot.js'

/** Characters of a hash: enough to tell browsers apart. */
const SHORT = 8

/** Renders a subject: its facts, its values and its actions. */
export function subjectMarkup(subject: SubjectSnapshot, { at, cookieBudget, store }: NodeSnapshot): Html {
  const { facts, id, lastWrite, unsaved, values } = subject
  const name = subjectName(subject)
  const heading = `subject-${id}-name`
  return html`<article data-key="${id}" class="subject" aria-labelledby="${heading}">
<header>
<h3 id="${heading}">${kindMarkup(subject)}</h3>
<div class="actions">${actionMarkup('empty', 'Empty', name, id)}${subject.userId !== undefined && actionMarkup('revoke', 'Revoke', name, id, `End all sockets, live cookies and tickets of ${name}?`)}</div>
</header>
<dl class="facts">
<div><dt>Sockets</dt><dd>${subject.sockets === 0 ? 'none open' : `${subject.sockets} open`}</dd></div>
<div><dt>Cookie</dt><dd>${meterMarkup(subject.cookieBytes, cookieBudget, name)}</dd></div>
<div><dt>Last write</dt><dd>${lastWrite ? html`${timeMarkup(lastWrite.stamp, at)} by <b>${lastWrite.source}</b>` : 'none'}</dd></div>
${store && html`<div><dt>Unsaved</dt><dd>${unsaved.length === 0 ? 'none' : html`<span class="warn">${unsaved.join(', ')}</span>`}</dd></div>`}
${facts.map(({ title, texts }) => html`<div><dt>${title}</dt><dd>${texts.join('; ')}</dd></div>`)}
</dl>
${values.length === 0 ? html`<p class="none">No values were written yet: all are their defaults.</p>` : valuesMarkup(values, name, at)}
</article>`
}

/** Returns a subject's name for use in a sentence. */
export function subjectName({ userId, id }: Pick<SubjectSnapshot, 'userId' | 'id'>): string {
  return userId === undefined ? `browser ${id.slice(0, SHORT)}` : `user ${userId}`
}

/** Renders an action as a form, which works without a script. */
export function actionMarkup(action: string, label: string, name: string, subject?: string, question?: string): Html {
  const query = new URLSearchParams({ action, ...(subject === undefined ? {} : { subject }) })
  const ask = question !== undefined && html` data-question="${question}"`
  return html`<form method="post" action="?${query.toString()}"${ask}><button aria-label="${label}: ${name}">${label}</button></form>`
}

function kindMarkup({ userId, isNumber, id }: SubjectSnapshot): Html {
  const kind = userId === undefined ? 'Browser' : 'User'
  const name = userId === undefined ? html`<code>${id.slice(0, SHORT)}</code>` : html`<bdi>${userId}</bdi>`
  return html`<span class="kind">${kind}</span> ${name}${isNumber && html` <small>number</small>`}`
}

function meterMarkup(bytes: number, budget: number, name: string): Html {
  return html`<meter min="0" max="${budget}" value="${bytes}" aria-label="Cookie of ${name}"></meter> ${bytes.toLocaleString('en')} of ${budget.toLocaleString('en')} bytes`
}

// Explicit roles: some browsers drop table semantics from a table displayed as cards.
function valuesMarkup(values: readonly ValueSnapshot[], name: string, at: number): Html {
  return html`<table role="table"><caption>Values of ${name}</caption>
<thead role="rowgroup"><tr role="row">${['Key', 'Value', 'Written', 'Places', 'Bytes'].map((title) => html`<th scope="col" role="columnheader">${title}</th>`)}</tr></thead>
<tbody role="rowgroup">${values.map((value) => valueMarkup(value, at))}</tbody></table>`
}

function valueMarkup(value: ValueSnapshot, at: number): Html {
  const { key, stamp, source, places, bytes } = value
  return html`<tr role="row" data-key="${stamp} ${key}">
<th scope="row" role="rowheader" data-title="Key"><code>${key}</code></th>
<td role="cell" data-title="Value">${shownValue(value)}</td>
<td role="cell" data-title="Written"><span>${timeMarkup(stamp, at)} by <b>${source}</b> <small>${stamp}</small></span></td>
<td role="cell" data-title="Places"><ul class="places">${places.map((place) => html`<li class="${place}">${place}</li>`)}</ul></td>
<td role="cell" data-title="Bytes" class="number">${bytes === undefined ? '–' : bytes.toLocaleString('en')}</td>
</tr>`
}

function shownValue({ state, json, isHidden }: ValueSnapshot): Html {
  const value = json !== undefined && html`<code class="value">${json}</code>`
  const masked =
    isHidden && state !== 'deleted' && html`<span class="masked"><span aria-hidden="true">••••••</span> hidden</span>`
  const word = state === 'undeclared' ? 'not declared here' : state
  return html`<span>${value}${masked}${state !== 'live' && html` <small class="state">${word}</small>`}</span>`
}
