import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { InterfaceRequest } from '../../../cloud/networks/server-ports.ts';
import type { NewServer } from '../../../cloud/servers/creation.ts';
import { systemTagValues } from '../protocol/system-tags.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { keyPairNamed } from './ssh-key-pairs.ts';
import { usableConsolePassword } from './vm-console-password.ts';
import { keyNameFor } from './vm-placement.ts';

/** What requests for new servers say in common, whatever these are made of. */
export interface NewVm {
  resourceUuid?: string;
  name: string;
  description?: string;
  strategy?: string;
  l3NetworkUuids?: string[];
  defaultL3NetworkUuid?: string;
  sshKeyPairUuids?: string[];
  systemTags?: string[];
}

/** What the engine is to know of a new server beside its size, its disks and its place. */
export async function newVm(cloud: Cloud, subject: Subject, input: NewVm) {
  const groupId = systemTagValues(input.systemTags, 'affinityGroupUuid')[0];
  const password = systemTagValues(input.systemTags, 'consolePassword')[0];
  return {
    id: input.resourceUuid,
    name: input.name,
    description: input.description ?? null,
    hostname: systemTagValues(input.systemTags, 'hostname')[0],
    networks: interfacesOf(input),
    securityGroups: [],
    keyName: await keyNameOf(cloud, subject, input),
    userData: userDataOf(input.systemTags),
    configDrive: true,
    leaveStopped: input.strategy === 'CreateStopped',
    ...(groupId ? { groupId } : {}),
    ...(password ? { consolePassword: usableConsolePassword(password) } : {}),
  } satisfies Partial<NewServer>;
}

function interfacesOf({ l3NetworkUuids = [], defaultL3NetworkUuid, systemTags }: NewVm): InterfaceRequest[] | 'none' {
  if (l3NetworkUuids.length === 0) return 'none';
  if (defaultL3NetworkUuid !== undefined && !l3NetworkUuids.includes(defaultL3NetworkUuid)) {
    throw invalidArgument(
      `defaultL3NetworkUuid[uuid:${defaultL3NetworkUuid}] is not in l3NetworkUuids[${l3NetworkUuids.join(', ')}]`,
    );
  }
  if (defaultL3NetworkUuid === undefined && new Set(l3NetworkUuids).size > 1) {
    throw invalidArgument(
      `there are more than one L3 network specified in l3NetworkUuids, but defaultL3NetworkUuid is null`,
    );
  }
  const first = defaultL3NetworkUuid ?? l3NetworkUuids[0]!;
  const addresses = new Map(
    systemTagValues(systemTags, 'staticIp').map((value) => value.split('::', 2) as [string, string]),
  );
  return [first, ...l3NetworkUuids.filter((uuid) => uuid !== first)].map((networkId) => {
    const fixedIp = addresses.get(networkId);
    return { networkId, isOpen: true, ...(fixedIp === undefined ? {} : { fixedIp }) };
  });
}

/** In base64, as Nova has it. */
const longestUserData = 65_535;

/** Most clients encode user data, as ZStack asks; Terraform hands over what it was given. */
function userDataOf(systemTags: readonly string[] | undefined): string | undefined {
  const value = systemTagValues(systemTags, 'userdata')[0];
  if (value === undefined) return undefined;
  const isBase64 = value.length % 4 === 0 && /^[A-Za-z0-9+/]+={0,2}$/.test(value);
  const encoded = isBase64 ? value : Buffer.from(value, 'utf8').toString('base64');
  if (encoded.length > longestUserData) {
    throw invalidArgument(`user data takes ${encoded.length} characters in base64, and can have ${longestUserData}`);
  }
  return encoded;
}

async function keyNameOf(
  cloud: Cloud,
  subject: Subject,
  { sshKeyPairUuids = [], systemTags }: NewVm,
): Promise<string | undefined> {
  const named = await keyPairNamed(cloud, subject, sshKeyPairUuids);
  if (named) return named.name;
  const publicKey = systemTagValues(systemTags, 'sshkey')[0];
  return publicKey === undefined ? undefined : await keyNameFor(cloud, subject, publicKey);
}
