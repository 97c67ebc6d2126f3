import type { Device } from 'koa-live-session'
import type { VNode } from 'preact'
import { ViewHeading } from './view-heading.js'

interface DevicesProps {
  readonly isSignedIn: boolean
  /** Undefined for a guest, or without a session store. */
  readonly devices: readonly Device[] | undefined
}

const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** The user's devices, with buttons to sign out there. */
export function Devices({ isSignedIn, devices }: DevicesProps): VNode {
  return (
    <div id="view-devices" class="view">
      <ViewHeading title="Devices">Where you are signed in.</ViewHeading>
      {devices ? <List devices={devices} /> : isSignedIn ? <WithoutStore /> : <p>Sign in to see your browsers here.</p>}
    </div>
  )
}

function List({ devices }: { readonly devices: readonly Device[] }): VNode {
  return (
    <section class="card">
      <ul class="devices">
        {devices.map(({ name, since, label, current }) => (
          <li key={name}>
            <span>
              {label}
              <span class="note"> since {time.format(since)} UTC</span>
            </span>
            {current ? (
              <strong>This browser</strong>
            ) : (
              <form method="post" action="/account/end">
                <button type="submit" name="name" value={name} class="button">
                  Sign out there
                </button>
              </form>
            )}
          </li>
        ))}
      </ul>
      <form method="post" action="/account/others">
        <button type="submit" class="button">
          Sign out everywhere else
        </button>
      </form>
    </section>
  )
}

function WithoutStore(): VNode {
  return (
    <p>
      This server keeps your sign-in in the cookie, so it has no list of browsers. <code>npm run start:cluster</code>{' '}
      keeps sessions in Redis: there you see each browser, and can sign it out.
    </p>
  )
}
