import { Type as T } from 'typebox';
import type { AnyOperation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import type { ErrorCode } from '../protocol/error-codes.ts';
import { oneOfField, textField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { bodyKeyOf } from '../protocol/select-operation.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

/** An action on a server that only changes whether and how it runs. */
interface PowerAction {
  id: string;
  title: string;
  summary: string;
  allowed: readonly string[];
  /** States in which what is asked for is so already. */
  alreadySo?: readonly string[];
  code: ErrorCode;
  after: string;
  perform(cloud: Cloud, subject: Subject, uuid: string, how?: string): Promise<{ actionId: string }>;
}

const actions: readonly PowerAction[] = [
  {
    id: 'StartVmInstance',
    title: 'Start a server',
    summary: 'Starts a stopped server. One that runs goes on running.',
    allowed: ['Created', 'Stopped', 'Running', 'Crashed'],
    alreadySo: ['Running'],
    code: 'VM.1001',
    after: 'Running',
    perform: (cloud, subject, uuid) => cloud.servers.start(subject, uuid),
  },
  {
    id: 'StopVmInstance',
    title: 'Stop a server',
    summary: 'Asks the guest to shut down, and ends it when it does not in time. One that is stopped stays stopped.',
    allowed: ['Running', 'Stopped', 'Paused', 'Unknown', 'Crashed', 'NoState', 'Error'],
    alreadySo: ['Stopped'],
    code: 'VM.1002',
    after: 'Stopped',
    perform: (cloud, subject, uuid, how) => cloud.servers.stop(subject, uuid, { atOnce: how === 'cold' }),
  },
  {
    id: 'RebootVmInstance',
    title: 'Reboot a server',
    summary: 'Shuts the guest down and starts it again.',
    allowed: ['Running', 'Crashed', 'NoState'],
    code: 'VM.1003',
    after: 'Running',
    perform: (cloud, subject, uuid) => cloud.servers.reboot(subject, uuid, 'soft'),
  },
  {
    id: 'PauseVmInstance',
    title: 'Pause a server',
    summary: 'Stops the guest’s processors where they are. Its memory stays.',
    allowed: ['Running'],
    code: 'SYS.1006',
    after: 'Paused',
    perform: (cloud, subject, uuid) => cloud.servers.pause(subject, uuid),
  },
  {
    id: 'ResumeVmInstance',
    title: 'Resume a server',
    summary: 'Lets a paused guest go on.',
    allowed: ['Paused'],
    code: 'SYS.1006',
    after: 'Running',
    perform: (cloud, subject, uuid) => cloud.servers.unpause(subject, uuid),
  },
];

export const vmPowerOperations: AnyOperation[] = actions.map((action) => {
  const message = `org.zstack.header.vm.API${action.id}Msg`;
  return jobOperation({
    id: action.id,
    group: 'VM Instance',
    package: 'header.vm',
    method: 'PUT',
    path: '/vm-instances/{uuid}/actions',
    since: '0.6',
    allow: 'member',
    params: uuidIn('uuid', 'The server.'),
    body: T.Object(
      action.id === 'StopVmInstance'
        ? {
            type: oneOfField(
              ['grace', 'cold'],
              'How: grace, as where it is left out, asks the guest first; cold does not.',
            ),
            stopHA: textField('Accepted.', 8),
          }
        : {},
    ),
    result: vmInstance,
    title: action.title,
    summary: action.summary,
    examples: [
      {
        title: action.title,
        params: { uuid: vmExample.uuid },
        body: { [bodyKeyOf(action.id)]: {} },
        status: 200,
        response: { inventory: { ...vmExample, state: action.after }, success: true },
      },
    ],
    handle: async ({ cloud, subject, input }) => {
      const { uuid, type: how } = input as { uuid: string; type?: string };
      const rule = { message, allowed: action.allowed, code: action.code };
      return await inAllowedState(cloud, subject, uuid, rule, async (state) => {
        if (action.alreadySo?.includes(state)) return { uuid };
        return { uuid, actionId: (await action.perform(cloud, subject, uuid, how)).actionId };
      });
    },
  });
});
