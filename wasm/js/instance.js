// The one copy of the wasm module, which an entry starts before anybody can call anything.

export let exports;

export function start(instance) {
  exports = instance.exports;
}
