/** @jsxImportSource react */
// React components after the fields are registered.
import { createLiveSession, type StatusDetail } from 'koa-live-session/client'
import { LiveSessionProvider, useLiveSession } from 'koa-live-session/react'
import type {} from './fields.js'
import { same } from './same.js'

export function Division() {
  const [division, setDivision, status] = useLiveSession('division')
  same<typeof division, number>(true)
  same<typeof status, StatusDetail>(true)
  same<ReturnType<typeof setDivision>, Promise<void>>(true)
  void setDivision(division + 1).catch(() => undefined)
  // @ts-expect-error another type
  void setDivision('3')
  void setDivision((former) => {
    same<typeof former, number>(true)
    return former + 1
  })
  // @ts-expect-error another type
  void setDivision((former) => `${former}`)
  // @ts-expect-error a promise
  void setDivision(async (former) => former + 1)
  // @ts-expect-error readonly
  useLiveSession('division')[0] = 3
  return <output>{division}</output>
}

export function Others() {
  const [cart, setCart] = useLiveSession('cart')
  void setCart([...cart, { sku: 'a' }])
  void setCart((former) => [...former, { sku: 'a' }])
  // @ts-expect-error frozen
  void setCart((former) => former.push({ sku: 'a' }))
  // @ts-expect-error frozen
  cart.push({ sku: 'a' })
  const [note, setNote] = useLiveSession('note')
  same<typeof note, string | undefined>(true)
  // @ts-expect-error delete removes it
  void setNote(undefined)
  const [plan, setPlan] = useLiveSession('plan')
  same<typeof plan, string>(true)
  same<typeof setPlan, never>(true)
  // @ts-expect-error read-only
  setPlan('pro')
  // @ts-expect-error hidden
  useLiveSession('risk')
  // @ts-expect-error not declared
  useLiveSession('divisoin')
  // @ts-expect-error no key
  useLiveSession()
  return <p>{plan}</p>
}

const live = createLiveSession()
export const app = (
  <LiveSessionProvider live={live}>
    <Division />
    <Others />
  </LiveSessionProvider>
)
// @ts-expect-error no client
export const without = <LiveSessionProvider>{app}</LiveSessionProvider>
// @ts-expect-error a snapshot is no client
export const wrong = <LiveSessionProvider live={{ values: {} }}>{app}</LiveSessionProvider>
