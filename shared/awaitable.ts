// The type of a value that may be a promise, apart from the functions, because the types of options need nothing else.

export type Awaitable<T> = T | Promise<T>
