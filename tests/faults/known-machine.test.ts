import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { HostIdentity } from '../../src/agent/far/identity.ts';
import type { Line } from '../../src/agent/far/line.ts';
import { folderOf, root } from '../../src/agent/far/ssh/agent-folder.ts';
import { RemoteAgent } from '../../src/agent/far/ssh/remote-agent.ts';
import { removeAgent } from '../../src/agent/far/ssh/remove-agent.ts';
import { openSshLine, type SshLineOptions } from '../../src/agent/far/ssh/ssh-line.ts';
import { agentProgram } from '../../src/assembly/agent-program.ts';
import { newId } from '../../src/env/env.ts';
import { realEnv } from '../../src/env/real.ts';
import { connectSsh } from '../../src/ssh/connect.ts';
import { rememberedHostKey } from '../../src/ssh/host-key.ts';
import { hasOtherMachines, OtherMachine } from '../support/other-machine.ts';

const env = realEnv();

describe.runIf(hasOtherMachines)('the machine of a host', () => {
  let machine: OtherMachine;
  let lines: Line[];

  beforeEach(async () => {
    machine = await OtherMachine.start();
    lines = [];
  });
  afterEach(async () => {
    for (const line of lines) line.close();
    await machine[Symbol.asyncDispose]();
  });

  const newIdentity = (): HostIdentity => ({ hostId: newId(env), key: newId(env) });
  const optionsFor = (identity: HostIdentity, mayBegin: boolean): SshLineOptions => ({
    env,
    place: { host: machine.address, port: 22, user: 'root', timeoutMs: 20_000 },
    login: { secrets: async () => ({ password: machine.password }), hostKey: rememberedHostKey() },
    identity,
    mayBegin: async () => mayBegin,
    program: agentProgram,
    network: 'user',
    isJoined: false,
  });
  const joinAs = async (identity: HostIdentity, mayBegin: boolean) => {
    const line = await openSshLine(optionsFor(identity, mayBegin));
    lines.push(line);
    return line;
  };
  const there = (identity: HostIdentity, name: string) => machine.path(join(folderOf(identity.hostId), name));
  const kept = () => machine.run('find', root, '-mindepth', '1', '-printf', '%p %T@\n');
  const agentOf = ({ hostId }: HostIdentity) =>
    machine
      .run('ps', '-eo', 'pid,args')
      .split('\n')
      .filter((line) => line.includes(`--folder ${folderOf(hostId)}`))
      .map((line) => Number.parseInt(line, 10));

  test('is known by what it was told, and no other machine is written to', async () => {
    const identity = newIdentity();
    await expect(joinAs(identity, false)).rejects.toThrow(
      'knows nothing of this host, which servers or volumes lie on',
    );
    expect(kept()).toBe('');
    await joinAs(identity, true);
    // Another cloud chose the same id.
    const before = kept();
    const other = { ...identity, key: newId(env) };
    await expect(joinAs(other, true)).rejects.toThrow('is a host of another cloud');
    await expect(removeAgent(optionsFor(other, true))).rejects.toThrow('is a host of another cloud');
    expect(kept()).toBe(before);
    // Its agent ends, and is found to be this host's.
    for (const pid of agentOf(identity)) process.kill(pid, 'SIGKILL');
    await joinAs(identity, false);
    // It was installed anew.
    for (const pid of agentOf(identity)) process.kill(pid, 'SIGKILL');
    await rm(machine.path(folderOf(identity.hostId)), { recursive: true });
    await expect(joinAs(identity, false)).rejects.toThrow('installed anew');
    await joinAs(identity, true);
    expect(JSON.parse(await readFile(there(identity, 'identity'), 'utf8'))).toEqual(identity);
  });

  test('lets nobody but root and whoever logs in look at the host, or use its agent', async () => {
    const identity = newIdentity();
    await joinAs(identity, true);
    const mode = async (name: string) => ((await stat(there(identity, name))).mode & 0o777).toString(8);
    for (const name of ['identity', 'agent.sock', 'agent.log', 'start.log'])
      expect([name, await mode(name)]).toEqual([name, '600']);
    for (const name of ['host', 'lent']) expect([name, await mode(name)]).toEqual([name, '700']);
    const commands = machine.run('ps', '-eo', 'args');
    expect(commands).not.toContain(identity.key);
    expect(commands).not.toContain(machine.password);
    // Who may connect still has to know whose host it is.
    const client = await connectSsh(optionsFor(identity, true).place, optionsFor(identity, true).login);
    const agentFor = (key: string) =>
      new RemoteAgent(env, client, `${folderOf(identity.hostId)}/agent.sock`, { ...identity, key });
    expect(await agentFor('guess').hello()).toBeUndefined();
    expect(await agentFor(identity.key).hello()).toMatchObject({ description: { hypervisorType: 'QEMU' } });
    client.destroy();
  });

  test('keeps nothing of it when it is left, whenever that was interrupted, and what others need', async () => {
    const [first, second] = [newIdentity(), newIdentity()];
    await joinAs(first, true);
    await joinAs(second, true);
    const devices = () => machine.run('sh', '-c', 'ls /sys/class/net; ip netns list | wc -l');
    const before = devices();
    await removeAgent(optionsFor(first, true));
    expect(agentOf(first)).toEqual([]);
    expect(agentOf(second)).not.toEqual([]);
    expect(machine.run('ls', root).trim().split('\n')).toEqual([second.hostId, 'programs']);
    // A removal that was interrupted: the agent was killed, and half of its folder is there.
    for (const pid of agentOf(second)) process.kill(pid, 'SIGKILL');
    await rm(there(second, 'lock'));
    await writeFile(there(second, 'host/qemu.json'), '');
    await removeAgent(optionsFor(second, true));
    await removeAgent(optionsFor(second, true));
    expect(kept()).toBe('');
    expect(devices()).toBe(before);
  });
});
