import { realEnv } from '../../../env/real.ts';
import { openQemuHost } from './qemu-host.ts';

/** An agent of its own, to be killed in between: swaps a disk of a guest in the host's folder, and says when it begins. */
const [, , directory, serverId, swap] = process.argv;
const host = await openQemuHost({ directory: directory!, env: realEnv(), accelerator: 'tcg' });
process.stdout.write('begun\n');
await host.swapDisk(serverId!, JSON.parse(swap!));
process.stdout.write('done\n');
await host.close();
