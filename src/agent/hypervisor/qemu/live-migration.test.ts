import { join } from 'node:path';
import { realEnv } from '../../../env/real.ts';
import { liveMigrationContract } from '../../live-migration-suite.ts';
import { openQemuHost } from './qemu-host.ts';

const env = realEnv();

liveMigrationContract('between hosts of one machine', async (root) => {
  const open = (name: string) => openQemuHost({ directory: join(root, name), env, accelerator: 'tcg' });
  return [await open('one'), await open('two')];
});
