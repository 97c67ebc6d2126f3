// The only globals of shared/ and client/core/ beyond the language: browsers and Node have both.
declare function atob(text: string): string
declare class URLSearchParams {
  constructor(text: string)
  getAll(name: string): string[]
}
