/** Gives memory back at once. The collector would wait, because it sees how little its own heap has grown. */
export const free = ({ buffer }: Uint8Array | Float32Array): void => {
  // A small one may lie in the pool that Node shares among all small buffers of this thread.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize) buffer.transfer(0);
};
