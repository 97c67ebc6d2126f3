type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false

/** Compiles only for two equal types. */
export const same = <A, B>(_: Same<A, B>): void => undefined
