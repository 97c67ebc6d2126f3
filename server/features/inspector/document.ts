// Renders the inspector's document.

import { type Html, html, timeMarkup } from './html.js'
import type { NodeSnapshot, SubjectSnapshot, ValueSnapshot } from './snapshot.js'

/** Characters shown of a hash, enough to tell browsers apart. */
const SHORT = 8

const WHERE: Readonly<Record<NodeSnapshot['refusals'][number]['where'], string>> = {
  request: 'answered to a POST',
  socket: 'answered to a socket',
  handshake: 'kept a socket out',
  app: 'told to onError',
}

/** Returns the document. Script and styles have the document's own URL, so the app can mount the route anywhere. */
export function pageMarkup(snapshot: NodeSnapshot, find: string): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Inspector: koa-live-session</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="?part=style">
<script type="module" src="?part=script"></script>
</head>
<body>
<a class="skip" href="#subjects">Skip to the subjects</a>
<header class="top">
<h1>Inspector <span>koa-live-session</span></h1>
<p id="status" role="status"></p>
<button id="pause" type="button" aria-pressed="false" hidden>Pause</button>
</header>
${viewMarkup(snapshot, find)}
</body>
</html>`
}

/** Returns the part of the page that the script refreshes. */
export function viewMarkup(snapshot: NodeSnapshot, find: string): Html {
  return html`<main id="view">
<section aria-labelledby="app"><h2 id="app">This app</h2>
${cardsMarkup(snapshot)}
</section>
<section aria-labelledby="subjects"><h2 id="subjects" tabindex="-1">Subjects</h2>
<form role="search" method="get"><label for="find">Find a user</label> <input id="find" name="find" type="search" value="${find}" autocomplete="off"><button>Find</button></form>
${subjectsMarkup(snapshot, find)}
</section>
<section aria-labelledby="refusals"><h2 id="refusals">Recent refusals</h2>
${refusalsMarkup(snapshot)}
</section>
<section aria-labelledby="process"><h2 id="process">This process</h2>
<div class="actions">${actionMarkup('restart', 'Simulate a restart', 'of this process', undefined, 'Close all connections of this process, and forget what is in its memory?')}
<p>Closes the connections of this process and forgets its values: they come back from cookies, pages and the store.</p></div>
</section>
</main>`
}

function cardsMarkup({ node, sockets, counts, store, refusals }: NodeSnapshot): Html {
  const { pinned, users, browsers } = counts
  return html`<dl class="cards">
${cardMarkup('Open sockets', sockets, html`at <code>${node}</code>`)}
${cardMarkup('Subjects', pinned + users + browsers, `${pinned} in use, ${users + browsers} cached`)}
${
  store
    ? cardMarkup(
        'Store',
        store.state,
        store.unsaved === 0 ? 'nothing unsaved' : `unsaved writes of ${store.unsaved}`,
        store.state,
      )
    : cardMarkup('Store', 'none', 'values are in memory and cookies')
}
${cardMarkup('Refusals', refusals.length, refusals[0] ? html`the last: <code>${refusals[0].code}</code>` : 'seen since the start')}
</dl>`
}

function cardMarkup(title: string, value: string | number, note: Html | string, kind = 'plain'): Html {
  return html`<div class="card"><dt>${title}</dt><dd class="${kind}">${value}</dd><dd class="note">${note}</dd></div>`
}

const LEGEND = html`<div class="legend"><ul class="places"><li class="cookie">cookie</li><li class="store">store</li></ul> outlive this process;
<ul class="places"><li>cache</li><li>sockets</li><li>browser</li></ul> end with it or with the page</div>`

function subjectsMarkup(snapshot: NodeSnapshot, find: string): Html {
  const { subjects, hasMore } = snapshot
  const none =
    find === '' ? 'No visitor has values yet. Open a page of your app.' : `No user in memory is like “${find}”.`
  return html`${subjects.length === 0 ? html`<p class="none">${none}</p>` : LEGEND}
${subjects.map((subject) => subjectMarkup(subject, snapshot))}
${hasMore && html`<p class="none">There are more. Find a user to see those.</p>`}`
}

function refusalsMarkup({ refusals, subjects, at }: NodeSnapshot): Html {
  if (refusals.length === 0) return html`<p class="none">None since the start of the process.</p>`
  const names = new Map(subjects.map((subject: SubjectSnapshot) => [subject.id, subjectName(subject)]))
  const rows = refusals.map(({ at: time, code, key, message, where, visitorId }) => {
    const to = visitorId && (names.get(visitorId) ?? subjectName({ userId: undefined, id: visitorId }))
    return html`<tr role="row"><td role="cell" data-title="Time">${timeMarkup(time, at)}</td>
<th scope="row" role="rowheader" data-title="Code"><code>${code}</code></th>
<td role="cell" data-title="Where"><span>${WHERE[where]}${to && html`: <bdi>${to}</bdi>`}</span></td>
<td role="cell" data-title="Message"><span>${message.replace('koa-live-session: ', '')}${key !== undefined && !message.includes(key) && html` <code>${key}</code>`}</span></td></tr>`
  })
  return html`<table role="table"><caption>The newest first</caption>
<thead role="rowgroup"><tr role="row">${['Time', 'Code', 'Where', 'Message'].map((title) => html`<th scope="col" role="columnheader">${title}</th>`)}</tr></thead>
<tbody role="rowgroup">${rows}</tbody></table>`
}

/** Renders a subject: its sections, its values and its actions. */
function subjectMarkup(subject: SubjectSnapshot, { at, cookieBudget, store }: NodeSnapshot): Html {
  const { id, lastWrite, sections, unsaved, values } = subject
  const name = subjectName(subject)
  const heading = `subject-${id}-name`
  return html`<article data-key="${id}" class="subject" aria-labelledby="${heading}">
<header>
<h3 id="${heading}">${kindMarkup(subject)}</h3>
<div class="actions">${actionMarkup('empty', 'Empty', name, id)}${subject.userId !== undefined && actionMarkup('revoke', 'Revoke', name, id, `End all sockets, live cookies and tickets of ${name}?`)}</div>
</header>
<dl class="sections">
<div><dt>Sockets</dt><dd>${subject.sockets === 0 ? 'none open' : `${subject.sockets} open`}</dd></div>
<div><dt>Cookie</dt><dd>${meterMarkup(subject.cookieBytes, cookieBudget, name)}</dd></div>
<div><dt>Last write</dt><dd>${lastWrite ? html`${timeMarkup(lastWrite.stamp, at)} by <b>${lastWrite.source}</b>` : 'none'}</dd></div>
${store && html`<div><dt>Unsaved</dt><dd>${unsaved.length === 0 ? 'none' : html`<span class="warn">${unsaved.join(', ')}</span>`}</dd></div>`}
${sections.map(({ title, texts }) => html`<div><dt>${title}</dt><dd>${texts.join('; ')}</dd></div>`)}
</dl>
${values.length === 0 ? html`<p class="none">No values were written yet: all are their defaults.</p>` : valuesMarkup(values, name, at)}
</article>`
}

/** Returns a subject's name for use in a sentence. */
export function subjectName({ userId, id }: Pick<SubjectSnapshot, 'userId' | 'id'>): string {
  return userId === undefined ? `browser ${id.slice(0, SHORT)}` : `user ${userId}`
}

/** Renders an action as a form, which works without a script. */
function actionMarkup(action: string, label: string, name: string, subject?: string, question?: string): Html {
  const query = new URLSearchParams({ action, ...(subject === undefined ? {} : { subject }) })
  const ask = question !== undefined && html` data-question="${question}"`
  return html`<form method="post" action="?${query.toString()}"${ask}><button aria-label="${label}: ${name}">${label}</button></form>`
}

function kindMarkup({ userId, id }: SubjectSnapshot): Html {
  const kind = userId === undefined ? 'Browser' : 'User'
  const name = userId === undefined ? html`<code>${id.slice(0, SHORT)}</code>` : html`<bdi>${userId}</bdi>`
  return html`<span class="kind">${kind}</span> ${name}`
}

function meterMarkup(bytes: number, budget: number, name: string): Html {
  return html`<meter min="0" max="${budget}" value="${bytes}" aria-label="Cookie of ${name}"></meter> ${bytes.toLocaleString('en')} of ${budget.toLocaleString('en')} bytes`
}

// Sets roles explicitly, because some browsers drop table semantics if CSS displays a table as cards.
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
