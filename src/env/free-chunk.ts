/** Smaller ones share their memory with others, and are not worth it. */
const shortest = 16 * 1024;

/**
 * Gives the memory of a chunk back at once. V8 knows little of memory outside of its heap: with 64 MiB of it gone by it
 * collects all of its heap, sixteen times for each GiB. Does nothing where the chunk is a part of something larger.
 */
export function freeChunk(chunk: Buffer): void {
  const { buffer } = chunk;
  if (chunk.length < shortest || chunk.length !== buffer.byteLength || !(buffer instanceof ArrayBuffer)) return;
  buffer.transfer(0);
}
