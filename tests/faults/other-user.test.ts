import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { HostAgent } from '../../src/agent/contract.ts';
import { identityText } from '../../src/agent/far/identity.ts';
import { OwnMachine } from '../../src/agent/far/own-machine.ts';
import { serveHost } from '../../src/agent/far/serve-host.ts';
import { folderOf } from '../../src/agent/far/ssh/agent-folder.ts';
import { openSshLine } from '../../src/agent/far/ssh/ssh-line.ts';
import { newId } from '../../src/env/env.ts';
import { realEnv } from '../../src/env/real.ts';
import { rememberedHostKey } from '../../src/ssh/host-key.ts';
import { hasOtherMachines, OtherMachine } from '../support/other-machine.ts';

const env = realEnv();
const uid = 61_234;

test.runIf(hasOtherMachines && existsSync('/usr/bin/sudo'))(
  'an agent that was started by one user is found by another one, who may become root',
  async () => {
    await using machine = await OtherMachine.start();
    machine.addUser('somebody', uid);
    const identity = { hostId: newId(env), key: newId(env) };
    const folder = machine.path(folderOf(identity.hostId));
    await mkdir(folder, { mode: 0o711 });
    const own = await mkdtemp(join(tmpdir(), 'unkai-user-'));
    const nothing = () => () => {};
    const describe = async () => ({ networking: { driver: 'user' } });
    const host = { describe, watchGuests: nothing, serveMetadata: nothing } as unknown as HostAgent;
    const server = createServer();
    const lent = await OwnMachine.open(env, join(own, 'lent'));
    const stop = serveHost(env, server, { host, machine: lent, identity, program: 'one', stop() {} });
    const socket = join(folder, 'agent.sock');
    server.listen({ path: socket });
    await once(server, 'listening');
    await chmod(socket, 0o600);
    await writeFile(join(folder, 'identity'), identityText(identity), { mode: 0o600 });
    try {
      const line = await openSshLine({
        env,
        place: { host: machine.address, port: 22, user: 'somebody', timeoutMs: 20_000 },
        login: { secrets: async () => ({ password: machine.password }), hostKey: rememberedHostKey() },
        identity,
        mayBegin: async () => false,
        program: async () => ({ name: 'one', files: {}, node: { version: '', path: '', architecture: '' } }),
        isJoined: false,
      });
      (await line.open()).destroy();
      line.close();
      expect(statSync(socket).uid).toBe(uid);
    } finally {
      stop();
      server.close();
      await rm(own, { recursive: true });
    }
  },
);
