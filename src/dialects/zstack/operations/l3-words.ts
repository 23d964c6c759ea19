import type { Cloud } from '../../../cloud/cloud.ts';
import { CloudError } from '../../../cloud/errors.ts';
import { operator, type Subject } from '../../../cloud/identity/subject.ts';
import type { Network, Subnet } from '../../../cloud/networks/model.ts';
import { resourceNotFound } from '../protocol/zstack-error.ts';

/** The network and its ranges, as the subject sees them; else the dialect's own words for what is missing. */
export async function l3NetworkNamed(
  cloud: Cloud,
  subject: Subject,
  field: string,
  uuid: string,
): Promise<{ network: Network; subnets: Subnet[] }> {
  try {
    const network = await cloud.networks.networks.get(subject, uuid);
    // Who sees a network sees its ranges here, also those of public ones, which Neutron hides.
    const subnets = await Promise.all(network.subnetIds.map((id) => cloud.networks.subnets.get(operator(), id)));
    return { network, subnets };
  } catch (error) {
    if (error instanceof CloudError && error.code === 'not_found') throw resourceNotFound(field, uuid, 'L3NetworkVO');
    throw error;
  }
}
