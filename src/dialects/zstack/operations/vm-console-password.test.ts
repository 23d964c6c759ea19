import { afterAll, beforeAll, expect, it } from 'vitest';
import type { SimulatedHost } from '../../../agent/hypervisor/simulated/simulated-host.ts';
import { SettledAccount } from '../settled-account.fixture.ts';
import { TestZStack } from '../zstack.fixture.ts';

type Body = Record<string, unknown>;

let zstack: TestZStack;
let alice: SettledAccount;
beforeAll(async () => {
  zstack = await TestZStack.start();
  alice = await SettledAccount.settle(zstack, 'alice');
});
afterAll(() => zstack.stop());

const act = (uuid: string, body: Body) => zstack.run('PUT', `/vm-instances/${uuid}/actions`, body, alice.headers);
const password = async (uuid: string) =>
  (await zstack.call('GET', `/vm-instances/${uuid}/console-passwords`, undefined, alice.headers)).json;

/** What VNC asks for now. */
async function asked(uuid: string): Promise<string | undefined> {
  const { hostId } = await zstack.cloud.servers.byId(uuid);
  return (zstack.cloud.hosts.agent(hostId!) as SimulatedHost).guestSpec(uuid)!.screenPassword;
}

it('holds from the next start or reboot of a server on', async () => {
  const vm = alice.own['vm']!;
  expect(await password(vm)).toEqual({});
  const set = (consolePassword: string) => act(vm, { setVmConsolePassword: { consolePassword } });
  expect(await set('Se-cret1')).toMatchObject({ status: 200, json: { inventory: { uuid: vm } } });
  expect(await password(vm)).toEqual({ consolePassword: 'Se-cret1' });
  expect(await asked(vm)).toBe(undefined);
  expect((await act(vm, { rebootVmInstance: {} })).status).toBe(200);
  expect(await asked(vm)).toBe('Se-cret1');
  await set('other');
  await act(vm, { stopVmInstance: { type: 'cold' } });
  await act(vm, { startVmInstance: {} });
  expect(await asked(vm)).toBe('other');
  const removed = await zstack.run('DELETE', `/vm-instances/${vm}/console-password`, undefined, alice.headers);
  expect(removed).toMatchObject({ status: 200, json: { inventory: { uuid: vm } } });
  expect(await password(vm)).toEqual({});
  await act(vm, { rebootVmInstance: {} });
  expect(await asked(vm)).toBe(undefined);
  expect(await set('password1')).toMatchObject({ status: 503, json: { error: { code: 'SYS.1007' } } });
});

it('is said when a server is made, and goes with it', async () => {
  const { image: imageUuid } = alice.own;
  const params = { name: 'one', imageUuid, cpuNum: 1, memorySize: 2 ** 27, rootDiskSize: 2 ** 30 };
  const body = { params, systemTags: ['consolePassword::Sesame'] };
  const { json } = await zstack.run('POST', '/vm-instances', body, alice.headers);
  const vm = String((json['inventory'] as Body)['uuid']);
  expect(await asked(vm)).toBe('Sesame');
  const tags = await zstack.query(`/system-tags?q=resourceUuid=${vm}`, alice.headers);
  expect(JSON.stringify(tags)).not.toContain('Sesame');
  await zstack.run('DELETE', `/vm-instances/${vm}`, undefined, alice.headers);
  const rows = await zstack.cloud.db.read.selectFrom('console_passwords').selectAll().execute();
  expect(rows).toEqual([]);
});
