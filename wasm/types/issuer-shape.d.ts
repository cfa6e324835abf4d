import type { components } from './issuer-api.js';

// Requests and answers are generated from the API's description (issuer-api.d.ts). These types
// narrow them to what the issuer actually guarantees: words become unions, and a field that is
// always present is not optional. A field that the description lacks fails to compile.
export type Api = components['schemas'];
export type Of<T, R> = { [Name in keyof R]: Name extends keyof T ? R[Name] : never };
/** An answer. `O` lists the fields that may be missing. */
export type Answered<T, R extends Of<T, R> = {}, O extends keyof T = never> = {
  [Name in keyof T as Exclude<Name, O>]-?: Name extends keyof R ? R[Name] : Exclude<T[Name], undefined>;
} & {
  [Name in keyof T as Extract<Name, O>]?: Name extends keyof R ? R[Name] : NonNullable<T[Name]>;
};
/** A request body. A field is left out instead of set to null, unless `R` has null for it. */
export type Sent<T, R extends Of<T, R> = {}> = {
  [Name in keyof T]: Name extends keyof R ? R[Name] : Exclude<T[Name], null>;
};
