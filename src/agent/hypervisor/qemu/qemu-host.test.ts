import { realEnv } from '../../../env/real.ts';
import { hostAgentContract } from '../../contract-suite.ts';
import { openQemuHost } from './qemu-host.ts';

const env = realEnv();

hostAgentContract('the QEMU host', {
  open: (directory) => openQemuHost({ directory, env, accelerator: 'tcg' }),
  async crashGuest(host, serverId) {
    const guest = (await host.inventory()).guests.find((one) => one.serverId === serverId);
    process.kill(guest!.pid!, 'SIGKILL');
  },
});
