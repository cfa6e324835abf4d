// Whether this machine's engine has SIMD, in which case the quicker and smaller module serves.
// The probe is a module with one function: i8x16.popcnt(i8x16.splat(i32.const 0)).
export const SIMD = WebAssembly.validate(
  Uint8Array.of(
    0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253,
    15, 253, 98, 11,
  ),
);
