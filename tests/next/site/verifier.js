import { createVerifier } from 'portcullis';
import fixture from './fixture.json';

const bundle = Uint8Array.from(atob(fixture.bundle), (character) => character.charCodeAt(0));

// The fixture is of another day.
export const options = { now: fixture.now };
export const verifier = createVerifier({ root: fixture.root, bundle, now: fixture.now });
