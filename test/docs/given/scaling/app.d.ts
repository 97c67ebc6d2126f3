import type { Server } from 'socket.io'

/** The exports of the reader's `app.ts`. */
export declare const io: Server
