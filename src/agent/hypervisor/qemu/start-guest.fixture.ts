/**
 * A control plane that a test kills: opens the host in the first argument's folder, does what the second says, and
 * tells each step on its standard output.
 */
import { readFileSync } from 'node:fs';
import { realEnv } from '../../../env/real.ts';
import type { GuestSpec } from '../../contract.ts';
import { openQemuHost } from './qemu-host.ts';

const [directory, specPath] = process.argv.slice(2);
const host = await openQemuHost({ directory: directory!, env: realEnv(), accelerator: 'tcg' });
process.stdout.write('starting\n');
await host.ensureGuestRunning(JSON.parse(readFileSync(specPath!, 'utf8')) as GuestSpec);
process.stdout.write('started\n');
await new Promise(() => setInterval(() => {}, 1000));
