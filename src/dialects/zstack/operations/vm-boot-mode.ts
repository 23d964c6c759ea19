import { Type as T } from 'typebox';
import type { Cloud } from '../../../cloud/cloud.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import { setFirmware } from '../../../cloud/servers/firmware.ts';
import { uuidIn } from '../protocol/field-schemas.ts';
import { jobOperation } from '../protocol/operation.ts';
import type { AsyncOutcome } from '../protocol/run-job.ts';
import { invalidArgument } from '../protocol/zstack-error.ts';
import { vmExample } from './vm-examples.ts';
import { inAllowedState } from './vm-words.ts';

const shared = { group: 'VM Instance', package: 'header.vm', since: '0.6', allow: 'member' } as const;
const byUuid = uuidIn('uuid', 'The server.');
const here = { uuid: vmExample.uuid };

type BootMode = 'Legacy' | 'UEFI' | 'UEFI_WITH_CSM';

/** Sets the firmware, and notes the word that was used for it in the server's tag; or takes the note away. */
async function bootBy(
  cloud: Cloud,
  subject: Subject,
  uuid: string,
  operation: string,
  mode: (hardware: Record<string, string>) => Promise<BootMode | undefined> | BootMode | undefined,
): Promise<AsyncOutcome> {
  const message = `org.zstack.header.vm.API${operation}Msg`;
  const rule = { message, allowed: ['Stopped'], code: 'SYS.1006' } as const;
  return await inAllowedState(cloud, subject, uuid, rule, async () => {
    const { hardware } = await cloud.servers.get(subject, uuid);
    const wanted = await mode(hardware);
    await setFirmware(cloud, subject, uuid, wanted === undefined || wanted === 'Legacy' ? 'bios' : 'uefi');
    const on = { kind: 'system', resourceType: 'server', resourceId: uuid } as const;
    const tags = wanted === undefined ? [] : [`bootMode::${wanted}`];
    await cloud.tags.renew(subject, on, (tag) => tag.startsWith('bootMode::'), tags);
    return {};
  });
}

const setVmBootMode = jobOperation({
  ...shared,
  id: 'SetVmBootMode',
  method: 'PUT',
  path: '/vm-instances/{uuid}/actions',
  params: byUuid,
  body: T.Object({
    bootMode: T.Unsafe<BootMode>({
      type: 'string',
      enum: ['Legacy', 'UEFI', 'UEFI_WITH_CSM'],
      description: 'Legacy is BIOS; both others are UEFI.',
    }),
  }),
  title: 'Set the boot mode of a server',
  summary: 'Says with which firmware a stopped server boots from its next start on, whatever its image says.',
  examples: [
    { title: 'Boot by UEFI', params: here, body: { setVmBootMode: { bootMode: 'UEFI' } }, status: 200, response: {} },
  ],
  handle: ({ cloud, subject, input: { uuid, bootMode } }) =>
    bootBy(cloud, subject, uuid, 'SetVmBootMode', ({ architecture }) => {
      if (architecture === 'aarch64' && bootMode === 'Legacy') {
        throw invalidArgument('The aarch64 architecture does not support legacy.');
      }
      return bootMode;
    }),
});

const deleteVmBootMode = jobOperation({
  ...shared,
  id: 'DeleteVmBootMode',
  method: 'DELETE',
  path: '/vm-instances/{uuid}/bootmode',
  params: byUuid,
  title: 'Delete the boot mode of a server',
  summary: 'A stopped server boots from its next start on by BIOS, as one of which nothing is said.',
  examples: [{ title: 'Delete', params: here, status: 200, response: {} }],
  handle: ({ cloud, subject, input: { uuid } }) =>
    bootBy(cloud, subject, uuid, 'DeleteVmBootMode', ({ architecture }) =>
      architecture === 'aarch64' ? 'UEFI' : undefined,
    ),
});

export const vmBootModeOperations = [setVmBootMode, deleteVmBootMode];
