import type { Device } from 'koa-live-session'
import type { VNode } from 'preact'
import { ViewHeading } from './view-heading.js'

interface DevicesProps {
  /** Undefined for a guest, or without a session store. */
  readonly devices: readonly Device[] | undefined
}

const time = new Intl.DateTimeFormat('en', { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' })

/** The user's devices, with buttons to sign out there. */
export function Devices({ devices }: DevicesProps): VNode {
  return (
    <div id="view-devices" class="view">
      <ViewHeading title="Devices">Where you are signed in.</ViewHeading>
      {devices ? <List devices={devices} /> : <Nothing />}
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

function Nothing(): VNode {
  return (
    <p>
      Sign in, and start the example with <code>npm run start:cluster</code>: its nodes keep sessions in Redis, so that
      each can be ended. Alone, this server has its sessions in the cookie.
    </p>
  )
}
