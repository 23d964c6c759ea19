import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realEnv } from '../../env/real.ts';
import type { HostAgent } from '../contract.ts';
import { hostAgentContract } from '../contract-suite.ts';
import { BoundFolders } from '../disks/bound-folders.fixture.ts';
import { openQemuHost } from '../hypervisor/qemu/qemu-host.ts';
import { serveAndConnect } from './far-host.fixture.ts';
import { OwnMachine } from './own-machine.ts';

const env = realEnv();
const nfsClient = new BoundFolders();

/** What the suite is given, and the host itself beneath. */
interface FarSubject extends HostAgent {
  readonly beneath: HostAgent;
}

hostAgentContract<FarSubject>('a QEMU host on another machine', {
  async open(directory) {
    const beneath = await openQemuHost({ directory, env, accelerator: 'tcg', nfsClient });
    // A socket's address is short.
    const folder = await mkdtemp(join(tmpdir(), 'unkai-far-'));
    const own = await OwnMachine.open(env, join(folder, 'own'));
    const served = await serveAndConnect(env, beneath, { folder, find: () => own });
    return new Proxy(served.agent, {
      get(target, name) {
        if (name === 'beneath') return beneath;
        if (name !== 'close') return Reflect.get(target, name) as unknown;
        return async () => {
          await served.close();
          await rm(folder, { recursive: true, force: true });
        };
      },
    }) as FarSubject;
  },
  async crashGuest(host, serverId) {
    const guest = (await host.beneath.inventory()).guests.find((one) => one.serverId === serverId);
    process.kill(guest!.pid!, 'SIGKILL');
  },
});
