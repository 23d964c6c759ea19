import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { textField } from '../protocol/field-schemas.ts';
import { resourceNotFound, ZStackError } from '../protocol/zstack-error.ts';

/** What a request may say of each of its interfaces, as JSON. */
export const nicParamsField = textField('Not offered.', 4096);

/** Refuses what would be passed over: the addresses and bandwidths that it asks for. */
export function refuseNicParams({ vmNicParams, customMac }: { vmNicParams?: string; customMac?: string }): void {
  if (vmNicParams && vmNicParams !== '[]') {
    throw new ZStackError('SYS.1014', 'vmNicParams is not offered: the system tag staticIp names an address');
  }
  if (customMac) throw new ZStackError('SYS.1014', 'customMac is not offered: this cloud chooses MAC addresses');
}

/** The interface of the subject; refused as the field that named it. */
export async function nicNamed(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Port> {
  try {
    return await cloud.networks.ports.get(subject, uuid);
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound(field, uuid, 'VmNicVO');
  }
}
