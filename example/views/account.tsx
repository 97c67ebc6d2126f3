import type { VNode } from 'preact'
import { type User, users } from '../users.js'

interface AccountProps {
  readonly user: User | undefined
}

/** Shows the signed-in user, with forms to sign in and out. A popover opens and closes without a script. */
export function Account({ user }: AccountProps): VNode {
  return (
    <>
      <button type="button" class="button quiet" popovertarget="account-menu">
        {user ? <Identity user={user} /> : 'Sign in'}
      </button>
      <div id="account-menu" class="menu" popover="auto">
        {user ? <SignedIn user={user} /> : <SignIn />}
      </div>
    </>
  )
}

function SignIn(): VNode {
  return (
    <form id="sign-in" method="post" action="/sign-in">
      <p class="note">This is a demo: say who you are. There are no passwords.</p>
      <div class="name">
        <input
          name="user"
          aria-label="Your name"
          aria-describedby="name-hint"
          placeholder="Your name"
          autocomplete="off"
          maxLength={100}
        />
        <button type="submit" class="button">
          Continue
        </button>
      </div>
      <p id="name-hint" class="note" role="status" />
      {users.map((user) => (
        <button key={user.id} type="submit" name="user" value={user.id} class="menu-item">
          <Initials user={user} />
          <span>
            {user.name}
            <span class="role">{user.role}</span>
          </span>
        </button>
      ))}
    </form>
  )
}

interface SignedInProps {
  readonly user: User
}

function SignedIn({ user }: SignedInProps): VNode {
  return (
    <form method="post" action="/sign-out">
      <p class="note">
        {user.name}, {user.role}. The division is the same in every browser where {user.name} is signed in.
      </p>
      <a href="/account" class="menu-item">
        Devices
      </a>
      <button type="submit" class="menu-item">
        Sign out
      </button>
    </form>
  )
}

function Identity({ user }: SignedInProps): VNode {
  return (
    <>
      <Initials user={user} />
      <span class="who">{user.name}</span>
    </>
  )
}

function Initials({ user }: SignedInProps): VNode {
  const initials = user.name.split(' ').map((name) => name.slice(0, 1))
  return (
    <span class="initials" aria-hidden="true">
      {initials.join('')}
    </span>
  )
}
