// The types of a socket with the events of an app, like those of socket.io-client.

import type { SocketAuth } from './types.js'

/** Functions by event. An interface of yours fits as well. */
export interface SocketEvents {
  [event: string]: any
}

/** Any events. */
export interface AnyEvents {
  [event: string]: (...args: any[]) => void
}

/** The error of `connect_error`. */
export interface SocketError extends Error {
  /** The `data` of the error with which middleware of the server has refused the socket. */
  readonly data?: any
}

/** The events of each socket. */
interface OwnEvents {
  connect: () => void
  connect_error: (error: SocketError) => void
  disconnect: (reason: string) => void
}

type EventOf<In extends SocketEvents> = keyof OwnEvents | (keyof In & string)

/** The listener of an event. */
type ListenerOf<In extends SocketEvents, E> = E extends keyof OwnEvents
  ? OwnEvents[E]
  : E extends keyof In
    ? In[E]
    : never

/** An event's function, whose acknowledgement gets an error first. */
type Timed<F> = F extends (...args: infer A) => void
  ? any[] extends A
    ? F
    : A extends [...infer B, (...answer: infer R) => void]
      ? (...args: [...B, (error: Error | null, ...answer: R) => void]) => void
      : F
  : F

/** A socket with the types of the events that it hears, `In`, and of those that it emits, `Out`. */
export interface EventSocket<In extends SocketEvents = AnyEvents, Out extends SocketEvents = AnyEvents> {
  /** The URL of the WebSocket. */
  readonly url: string
  /** Whether events reach the server now. Otherwise they wait. */
  readonly connected: boolean
  /** Whether the socket is connected, or will try to connect by itself. */
  readonly active: boolean
  /** The socket's id on the server, while connected. */
  readonly id: string | undefined
  /** The data of the next handshake, or a function that gives it. */
  auth: SocketAuth
  /** Calls the listener for each such event. `connect_error` gets the error, `disconnect` the reason. */
  on<E extends EventOf<In>>(event: E, listener: ListenerOf<In, E>): this
  /** Calls the listener for the next such event. */
  once<E extends EventOf<In>>(event: E, listener: ListenerOf<In, E>): this
  /** Removes a listener. Without a listener, removes all of the event; without an event, all. */
  off<E extends EventOf<In>>(event?: E, listener?: ListenerOf<In, E>): this
  /** Sends an event, or keeps it until connected. A function as the last argument gets the server's acknowledgement. */
  emit<E extends keyof Out & string>(event: E, ...args: Parameters<Out[E]>): this
  /**
   * Sets the limit, in ms, of the next event's acknowledgement. Its function gets an error first: after the limit, or when the connection
   * ends; otherwise `null`.
   */
  timeout(ms: number): Pick<EventSocket<In, { [E in keyof Out]: Timed<Out[E]> }>, 'emit'>
  /** Connects, unless active. */
  connect(): this
  /** Closes the connection; the socket is not active any more. */
  disconnect(): this
}
