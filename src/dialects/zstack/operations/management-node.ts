import { arch, release, type } from 'node:os';
import { Type as T } from 'typebox';
import { managementNode, managementNodeUuid } from '../inventories/management-node.ts';
import { isKnownOperation } from '../protocol/known-operations.ts';
import { syncOperation } from '../protocol/operation.ts';
import { offeredMessages } from '../protocol/traits.ts';
import { queryOperations } from '../query/query-operations.ts';

const group = 'Management Node';

/** The release of ZStack's API that the dialect follows; SDKs choose what they send by it. */
const apiVersion = '5.2.1';

const getVersion = syncOperation({
  id: 'GetVersion',
  group,
  package: 'header.managementnode',
  method: 'PUT',
  path: '/management-nodes/actions',
  since: '0.6',
  allow: 'anyone',
  response: T.Object({ version: T.String({ description: 'The release of the API that this cloud follows.' }) }),
  title: 'Get the version',
  summary: 'The release of the API that this cloud follows.',
  examples: [{ title: 'The version', body: { getVersion: {} }, status: 200, response: { version: apiVersion } }],
  handle: () => ({ version: apiVersion }),
});

const getCurrentTime = syncOperation({
  id: 'GetCurrentTime',
  group,
  package: 'header.managementnode',
  method: 'PUT',
  path: '/management-nodes/actions',
  since: '0.6',
  allow: 'anyone',
  response: T.Object({
    currentTime: T.Object({
      MillionSeconds: T.Integer({ description: 'Milliseconds since the epoch.' }),
      Seconds: T.Integer({ description: 'Seconds since the epoch.' }),
    }),
  }),
  title: 'Get the time',
  summary: 'The control plane’s clock.',
  examples: [
    {
      title: 'The time',
      body: { getCurrentTime: {} },
      status: 200,
      response: { currentTime: { MillionSeconds: 1795226400000, Seconds: 1795226400 } },
    },
  ],
  handle: ({ cloud }) => {
    const now = cloud.env.now();
    return { currentTime: { MillionSeconds: Math.floor(now / 1000), Seconds: Math.floor(now / 1e6) } };
  },
});

const isReadyToGo = syncOperation({
  id: 'IsReadyToGo',
  group,
  package: 'header.managementnode',
  method: 'GET',
  path: '/management-nodes/ready',
  since: '0.6',
  allow: 'anyone',
  query: T.Object({ managementNodeId: T.Optional(T.String({ description: 'The node that is meant.' })) }),
  response: T.Object({ managementNodeId: T.String(), success: T.Boolean() }),
  title: 'Is it ready',
  summary: 'Whether the control plane takes work. It does when it answers at all.',
  examples: [
    { title: 'Ready', status: 200, response: { managementNodeId: '4f0c2ab2d7d14a3c8f1f3c5b2a9d7e60', success: true } },
  ],
  handle: () => ({ managementNodeId: managementNodeUuid, success: true }),
});

const isOpensourceVersion = syncOperation({
  id: 'IsOpensourceVersion',
  group,
  package: 'header.core',
  method: 'GET',
  path: '/meta-data/opensource',
  since: '2.3',
  allow: 'anyone',
  response: T.Object({ opensource: T.Boolean({ description: 'Always true.' }) }),
  title: 'Is it open source',
  summary: 'Whether this is an open source edition.',
  examples: [{ title: 'It is', status: 200, response: { opensource: true } }],
  handle: () => ({ opensource: true }),
});

const getSupportAPIs = syncOperation({
  id: 'GetSupportAPIs',
  group,
  package: 'header.managementnode',
  method: 'PUT',
  path: '/management-nodes/actions',
  since: '0.6',
  allow: 'anyone',
  response: T.Object({ supportApis: T.Array(T.String({ description: 'The name of the class of a request.' })) }),
  title: 'Get the operations that are offered',
  summary: 'The names of the classes of ZStack’s requests that this cloud takes.',
  examples: [
    {
      title: 'All of them',
      body: { getSupportAPIs: {} },
      status: 200,
      response: { supportApis: ['org.zstack.header.image.APIAddImageMsg'] },
    },
  ],
  handle: () => {
    const ours = offeredMessages().filter(({ id }) => isKnownOperation(id.replace(/ByUuid$/, '')));
    return { supportApis: ours.map(({ message }) => message).toSorted() };
  },
});

/** Processors as ZStack names them, which are Linux's names. */
const architectureNames: Readonly<Record<string, string>> = { x64: 'x86_64', arm64: 'aarch64', loong64: 'loongarch64' };

const getManagementNodeArch = syncOperation({
  id: 'GetManagementNodeArch',
  group,
  package: 'header.managementnode',
  method: 'PUT',
  path: '/management-nodes/actions',
  since: '4.1.2',
  allow: 'anyone',
  response: T.Object({ architecture: T.String({ description: 'As x86_64 or aarch64.' }) }),
  title: 'Get the architecture of the management node',
  summary: 'The processor of the machine whose control plane answers.',
  examples: [
    {
      title: 'The architecture',
      body: { getManagementNodeArch: {} },
      status: 200,
      response: { architecture: 'x86_64' },
    },
  ],
  handle: () => ({ architecture: architectureNames[arch()] ?? arch() }),
});

const getManagementNodeOS = syncOperation({
  id: 'GetManagementNodeOS',
  group,
  package: 'header.managementnode',
  method: 'PUT',
  path: '/management/actions',
  since: '4.1.2',
  allow: 'anyone',
  response: T.Object({
    name: T.String({ description: 'The name of the system.' }),
    version: T.String({ description: 'The release of its kernel.' }),
  }),
  title: 'Get the system of the management node',
  summary: 'The operating system of the machine whose control plane answers.',
  examples: [
    {
      title: 'The system',
      body: { getManagementNodeOS: {} },
      status: 200,
      response: { name: 'Linux', version: '6.1.0-18-amd64' },
    },
  ],
  handle: () => ({ name: type(), version: release() }),
});

export const managementNodeOperations = [
  getVersion,
  getSupportAPIs,
  getManagementNodeArch,
  getManagementNodeOS,
  getCurrentTime,
  isReadyToGo,
  isOpensourceVersion,
  ...queryOperations(managementNode, {
    id: 'QueryManagementNode',
    group,
    package: 'header.managementnode',
    path: '/management-nodes',
    since: '0.6',
    title: 'Query management nodes',
    example: {
      uuid: '4f0c2ab2d7d14a3c8f1f3c5b2a9d7e60',
      hostName: 'cloud-1',
      joinDate: 'Nov 21, 2026 1:00:00 PM',
      heartBeat: 'Nov 21, 2026 2:00:00 PM',
    },
  }),
];
