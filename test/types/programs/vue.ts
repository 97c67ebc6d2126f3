// Vue components after the fields are registered.
import { createLiveSession, type Status, type StatusDetail } from 'koa-live-session/client'
import { liveSessionPlugin, useLiveSession } from 'koa-live-session/vue'
import { createApp, defineComponent, h, type Ref, type WritableComputedRef } from 'vue'
import type {} from './fields.js'
import { same } from './same.js'

const Division = defineComponent(() => {
  const { value: division, status, reason } = useLiveSession('division')
  same<typeof division, WritableComputedRef<number, number | ((value: number) => number)>>(true)
  same<typeof status, Readonly<Ref<Status>>>(true)
  same<typeof reason, Readonly<Ref<StatusDetail['reason']>>>(true)
  division.value += 1
  division.value = (former) => former + 1
  // @ts-expect-error another type
  division.value = (former: number) => `${former}`
  // @ts-expect-error another type
  division.value = '3'
  // @ts-expect-error readonly
  status.value = 'saved'
  return () => h('output', division.value)
})

const Others = defineComponent(() => {
  const { value: cart } = useLiveSession('cart')
  cart.value = [...cart.value, { sku: 'a' }]
  cart.value = (former) => [...former, { sku: 'a' }]
  // @ts-expect-error frozen
  cart.value.push({ sku: 'a' })
  const { value: note } = useLiveSession('note')
  same<typeof note.value, string | undefined>(true)
  note.value = 'a'
  // @ts-expect-error delete removes it
  note.value = undefined
  const { value: plan } = useLiveSession('plan')
  same<typeof plan, Readonly<Ref<string>>>(true)
  // @ts-expect-error read-only
  plan.value = 'pro'
  // @ts-expect-error hidden
  useLiveSession('risk')
  // @ts-expect-error not declared
  useLiveSession('divisoin')
  // @ts-expect-error no key
  useLiveSession()
  return () => h('p', plan.value)
})

createApp(() => [h(Division), h(Others)]).use(liveSessionPlugin(createLiveSession()))
// @ts-expect-error no client
liveSessionPlugin()
// @ts-expect-error a snapshot is no client
liveSessionPlugin({ values: {} })
