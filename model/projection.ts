/** Directions along which an embedding is seen. */
export const PROJECTIONS = 8;

/** -1 or 1, as good as random: the last bit of MurmurHash3's finaliser over the place. */
const sign = (direction: number, index: number): number => {
  let hash = Math.imul(direction + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) & 1) === 0 ? 1 : -1;
};

/** An embedding along the directions: sums with random signs (Achlioptas 2003), the same for ever. */
export const project = (embedding: Float32Array, directions = PROJECTIONS): number[] =>
  Array.from({ length: directions }, (_, direction) => {
    let sum = 0;
    for (let i = 0; i < embedding.length; i++) sum += sign(direction, i) * (embedding[i] as number);
    return sum / Math.sqrt(embedding.length);
  });
