import type { RequestSession } from 'koa-live-session'
import { teas } from './fields.js'

/** Returns the first HTML, with the visitor's own values. */
export function page(live: RequestSession): string {
  const cart = live.get('cart')
  const form = (path: string, name: string): string =>
    `<form method="post" action="${path}"><button>${name}</button></form>`
  return `<!doctype html>
<html lang="en" data-theme="${live.get('theme')}">
<head>
<meta charset="utf-8">
<title>Tea shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/style.css">
</head>
<body data-user="${live.userId ?? ''}">
<main>
<h1>Tea shop</h1>
<p>${teas.map((tea) => `<button type="button" value="${tea}">Add ${tea}</button>`).join(' ')}</p>
<h2>Cart</h2>
<ul aria-label="Cart">${cart.map((tea) => `<li>${tea}</li>`).join('')}</ul>
<p><button type="button" id="theme">Light or dark</button> <span role="status"></span></p>
${form('/empty', 'Empty the cart')}
${live.userId === undefined ? form('/sign-in', 'Sign in as ann') : form('/sign-out', `Sign out ${live.userId}`)}
</main>
${live.embed()}
<script type="module" src="/browser.js"></script>
</body>
</html>`
}
