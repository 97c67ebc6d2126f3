import { App } from '../app/app.js'
import { AuthStore, account, auth, identify } from '../app/auth.js'
import type { Visitor } from '../app/visitor.js'

export const BAD_ORIGIN = { code: 'bad_origin' }

/** The app's session store, which counts its reads. */
class CountingStore extends AuthStore {
  reads = 0

  override async get(key: string): Promise<unknown> {
    this.reads += 1
    return super.get(key)
  }
}

export interface Site {
  readonly app: App
  readonly store: CountingStore
  /** Signed in as ann, with a value of her own. */
  readonly ann: Visitor
  /** The cookies and host of her browser, behind a proxy with TLS. */
  readonly headers: Record<string, string>
}

/** Starts `https://example.com`, which trusts `https://trusted.example`. */
export async function startSite({ origins = ['https://trusted.example'] } = {}): Promise<Site> {
  const store = new CountingStore()
  const app = await App.start({
    before: (koa) => {
      koa.proxy = true
      return [auth(koa, { store })]
    },
    options: { identify, secure: false, origins } as never,
    routes: account,
  })
  const ann = app.visitor()
  await ann.fetch('/login/now?user=ann')
  await ann.fetch(`/set?values=${encodeURIComponent('{"division":7}')}`)
  const headers = { host: 'example.com', 'x-forwarded-proto': 'https', cookie: ann.cookie }
  return { app, store, ann, headers }
}

export function claims(site: string, origin: string): Record<string, string> {
  return { ...(site === '' ? {} : { 'sec-fetch-site': site }), ...(origin === '' ? {} : { origin }) }
}
