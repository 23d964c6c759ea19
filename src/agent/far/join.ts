import type { Duplex } from 'node:stream';

/** What one says the other one hears, also the last of it, until either has gone. Resolves when both have. */
export async function join(one: Duplex, other: Duplex): Promise<void> {
  await Promise.all([carry(one, other), carry(other, one)]);
}

async function carry(from: Duplex, to: Duplex): Promise<void> {
  await new Promise<void>((resolve) => {
    from.on('error', () => to.destroy());
    from.on('close', () => {
      if (from.readableEnded) to.end(() => to.destroy());
      else to.destroy();
      resolve();
    });
    if (from.destroyed) {
      to.destroy();
      return resolve();
    }
    from.pipe(to);
  });
}
