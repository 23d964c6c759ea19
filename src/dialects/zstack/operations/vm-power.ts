import { Type as T, type TProperties } from 'typebox';
import type { AnyOperation } from '../../../api/operation.ts';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { cluster } from '../inventories/places.ts';
import { vmInstance } from '../inventories/vm-instance.ts';
import type { ErrorCode } from '../protocol/error-codes.ts';
import { oneOfField, textField, uuidField, uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import { bodyKeyOf } from '../protocol/select-operation.ts';
import { resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';
import { readInventory } from '../query/query.ts';
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
  fields?: TProperties;
  perform(cloud: Cloud, subject: Subject, uuid: string, wanted: Wanted): Promise<{ actionId: string }>;
}

/** What a request may say beside the server. */
interface Wanted {
  type?: string;
  clusterUuid?: string;
  hostUuid?: string;
}

/** Servers start where their disks are. Throws where another place is asked for; a host is more than a cluster. */
async function requireOwnPlace(cloud: Cloud, subject: Subject, uuid: string, { clusterUuid, hostUuid }: Wanted) {
  if (!clusterUuid && !hostUuid) return;
  const hosts = await cloud.hosts.list();
  const { hostId } = await cloud.servers.get(subject, uuid);
  const own = hosts.find(({ id }) => id === hostId);
  if (hostUuid) {
    if (!hosts.some(({ id }) => id === hostUuid)) throw resourceNotFound('hostUuid', hostUuid, 'HostVO');
    if (own?.id !== hostUuid) throw notThere(uuid, `host[uuid:${hostUuid}]`);
  } else if (clusterUuid) {
    if (!(await readInventory(cloud, cluster, clusterUuid)))
      throw resourceNotFound('clusterUuid', clusterUuid, 'ClusterVO');
    if (own?.clusterId !== clusterUuid) throw notThere(uuid, `cluster[uuid:${clusterUuid}]`);
  }
}

function notThere(uuid: string, place: string): ZStackError {
  return new ZStackError('HOST_ALLOCATION.1000', `vm[uuid:${uuid}] can't start in ${place}, its volumes are not there`);
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
    fields: {
      clusterUuid: uuidField('The cluster that it shall run in: that of its host, if any is said.'),
      hostUuid: uuidField('The host that it shall run on: the one that has its disks, if any is said.'),
    },
    perform: async (cloud, subject, uuid, wanted) => {
      await requireOwnPlace(cloud, subject, uuid, wanted);
      return await cloud.servers.start(subject, uuid);
    },
  },
  {
    id: 'StopVmInstance',
    title: 'Stop a server',
    summary: 'Asks the guest to shut down, and ends it when it does not in time. One that is stopped stays stopped.',
    allowed: ['Running', 'Stopped', 'Paused', 'Unknown', 'Crashed', 'NoState', 'Error'],
    alreadySo: ['Stopped'],
    code: 'VM.1002',
    after: 'Stopped',
    fields: {
      type: oneOfField(['grace', 'cold'], 'How: grace, as where it is left out, asks the guest first; cold does not.'),
      stopHA: textField('Accepted.', 8),
    },
    perform: (cloud, subject, uuid, { type }) => cloud.servers.stop(subject, uuid, { atOnce: type === 'cold' }),
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
    body: T.Object(action.fields ?? {}),
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
      const { uuid, ...wanted } = input as { uuid: string } & Wanted;
      const rule = { message, allowed: action.allowed, code: action.code };
      return await inAllowedState(cloud, subject, uuid, rule, async (state) => {
        if (action.alreadySo?.includes(state)) return { uuid };
        return { uuid, actionId: (await action.perform(cloud, subject, uuid, wanted)).actionId };
      });
    },
  });
});
