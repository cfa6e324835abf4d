import type { components } from './issuer-api.js';

// What is sent and answered is written from the API's description (issuer-api.d.ts). Here it is made
// as narrow as the issuer keeps it: words are unions, and a field that is always there is not optional.
// A field that the description does not have fails to compile.
export type Api = components['schemas'];
export type Of<T, R> = { [Name in keyof R]: Name extends keyof T ? R[Name] : never };
/** An answer: `O` are the fields that may be left out. */
export type Answered<T, R extends Of<T, R> = {}, O extends keyof T = never> = {
  [Name in keyof T as Exclude<Name, O>]-?: Name extends keyof R ? R[Name] : Exclude<T[Name], undefined>;
} & {
  [Name in keyof T as Extract<Name, O>]?: Name extends keyof R ? R[Name] : NonNullable<T[Name]>;
};
/** What is sent: null is said by leaving a field out, unless `R` has it. */
export type Sent<T, R extends Of<T, R> = {}> = {
  [Name in keyof T]: Name extends keyof R ? R[Name] : Exclude<T[Name], null>;
};
