import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { documentTypes, jsonOf, type UsedOperations } from './document-types.ts';

// node console/openapi/bodies.ts

/** Which requests with a body the console makes: operations of each API's OpenAPI document. */
const used: UsedOperations = {
  native: ['AddHost', 'UpdateImageStore', 'AddFault', 'ResyncImageCopies', 'BeginImageUpload'],
  compute: [
    'CreateServer',
    'StartServer',
    'StopServer',
    'RebootServer',
    'PauseServer',
    'UnpauseServer',
    'SuspendServer',
    'ResumeServer',
    'ShelveServer',
    'UnshelveServer',
    'RebuildServer',
    'ResizeServer',
    'ConfirmResize',
    'RevertResize',
    'CreateServerImage',
    'RescueServer',
    'UnrescueServer',
    'MigrateServer',
    'LiveMigrateServer',
    'LockServer',
    'UnlockServer',
    'GetConsoleOutput',
    'CreateRemoteConsole',
    'AttachVolume',
    'CreateFlavor',
    'CreateKeypair',
    'CreateServerGroup',
    'UpdateService',
    'UpdateHost',
    'UpdateQuota',
  ],
  image: ['CreateImage', 'UpdateImage', 'CreateImageMember', 'UpdateImageMember'],
  network: [
    'CreateNetwork',
    'CreateSubnet',
    'CreateRouter',
    'AddRouterInterface',
    'RemoveRouterInterface',
    'CreateFloatingIp',
    'UpdateFloatingIp',
    'CreateSecurityGroup',
    'CreateSecurityGroupRule',
    'UpdateQuota',
  ],
  volume: ['CreateVolume', 'ExtendVolume', 'CreateSnapshot', 'UpdateVolumeQuotas'],
  identity: ['AuthenticateAndIssueToken', 'CreateProject', 'UpdateProject', 'CreateUser', 'UpdateUser', 'CreateRole'],
  zstack: ['LogInByAccount'],
};

/** Where the types stand: they are committed, and a test holds that they are those of the documents. */
export const bodiesFile = resolve(import.meta.dirname, '../src/api/bodies.ts');

/** The TypeScript types of the request bodies that the console sends, from the cloud's own OpenAPI documents. */
export async function bodyTypes(): Promise<string> {
  const types = await documentTypes(used, 'Body', ({ requestBody }) => jsonOf(requestBody));
  return `// Made by \`node console/openapi/bodies.ts\` from the cloud's OpenAPI documents.\n${types}`;
}

if (import.meta.main) writeFileSync(bodiesFile, await bodyTypes());
