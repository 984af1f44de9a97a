/** Numbers in [0, 1), the same ones for the same seed. Mulberry32, a public-domain generator of 32 bits of state. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/**
 * The `index`-th draw for a purpose: the same for every policy, however many other draws there were. So policies are
 * compared on the same arrivals, the same service times and the same k-th boot.
 */
export function draw(seed: number, purpose: number, index: number): number {
  return (
    finish(
      finish(finish(seed ^ 0x2545f491) + Math.imul(purpose, 0x9e3779b1)) + Math.imul(index, 0x85ebca6b),
    ) / 0x1_0000_0000
  );
}

/** The finaliser of MurmurHash3. */
function finish(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Exponentially distributed with this mean. */
export function exponential(mean: number, uniform: number): number {
  return -Math.log(1 - uniform) * mean;
}
