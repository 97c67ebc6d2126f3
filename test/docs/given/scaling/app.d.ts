import type { Server } from 'socket.io'

/** What the page says that the reader's `app.ts` exports. */
export declare const io: Server
