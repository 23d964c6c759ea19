import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import type { Subject } from '../../../cloud/identity/subject.ts';
import type { Port } from '../../../cloud/networks/model.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';

/** The interface of the subject; refused as the field that named it. */
export async function nicNamed(cloud: Cloud, subject: Subject, field: string, uuid: string): Promise<Port> {
  try {
    return await cloud.networks.ports.get(subject, uuid);
  } catch (error) {
    if (!(error instanceof CloudError) || error.code !== 'not_found') throw error;
    throw resourceNotFound(field, uuid, 'VmNicVO');
  }
}
