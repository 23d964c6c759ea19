import { Type as T } from 'typebox';
import { vmInstance } from '../inventories/vm-instance.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation, syncOperation } from '../protocol/operation.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { vmExample } from './vm-examples.ts';
import { stateOf } from './vm-words.ts';

const shared = { group: 'Console', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The server.');
const here = { uuid: vmExample.uuid };

const setVmConsolePassword = jobOperation({
  ...shared,
  id: 'SetVmConsolePassword',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    consolePassword: T.String({ minLength: 1, maxLength: 64, description: 'VNC compares its first eight characters.' }),
  }),
  result: vmInstance,
  title: 'Set the console password of a server',
  summary: 'VNC asks for it before it shows the screen, from the next start or reboot of the server on.',
  examples: [
    {
      title: 'Set',
      params: here,
      body: { setVmConsolePassword: { consolePassword: 'Se-cret1' } },
      status: 200,
      response: { inventory: vmExample, success: true },
    },
  ],
  handle: async ({ cloud, subject, input: { uuid, consolePassword } }) => {
    await stateOf(cloud, subject, uuid);
    await cloud.servers.consolePasswords.set(subject, uuid, usableConsolePassword(consolePassword));
    return { uuid };
  },
});

/** Refuses what ZStack does. */
export function usableConsolePassword(password: string): string {
  if (!password.startsWith('password')) return password;
  throw invalidArgument("The console password cannot start with 'password' which may trigger a VNC security issue");
}

const getVmConsolePassword = syncOperation({
  ...shared,
  id: 'GetVmConsolePassword',
  method: 'GET',
  path: '/vm-instances/{uuid}/console-passwords',
  params: byUuid,
  response: T.Object({ consolePassword: T.Optional(T.String({ description: 'Left out where there is none.' })) }),
  title: 'Get the console password of a server',
  summary: 'What VNC asks for from the next start of the server on.',
  examples: [{ title: 'Get', params: here, status: 200, response: { consolePassword: 'Se-cret1' } }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    const consolePassword = await cloud.servers.consolePasswords.get(subject, uuid);
    return consolePassword === undefined ? {} : { consolePassword };
  },
});

const deleteVmConsolePassword = jobOperation({
  ...shared,
  id: 'DeleteVmConsolePassword',
  method: 'DELETE',
  path: '/vm-instances/{uuid}/console-password',
  params: byUuid,
  result: vmInstance,
  title: 'Delete the console password of a server',
  summary: 'VNC asks for none from the next start or reboot of the server on.',
  examples: [{ title: 'Delete', params: here, status: 200, response: { inventory: vmExample, success: true } }],
  handle: async ({ cloud, subject, input: { uuid } }) => {
    await stateOf(cloud, subject, uuid);
    await cloud.servers.consolePasswords.set(subject, uuid, undefined);
    return { uuid };
  },
});

/** What VNC asks for. */
export const vmConsolePasswordOperations = [setVmConsolePassword, getVmConsolePassword, deleteVmConsolePassword];
