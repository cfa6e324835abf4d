// The one instance of the wasm module. An entry starts it before any other code can call it.

export let exports;

export function start(instance) {
  exports = instance.exports;
}
